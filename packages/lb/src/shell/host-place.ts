/** Where a host is, in the words of `net.connect` and `http.request`. */
export interface HostPlace {
  /** Name or address, an IPv6 address without brackets. */
  readonly host?: string;
  /** Absent if the host's address has none. */
  readonly port?: number;
  /** The path of a socket, in place of the two others. */
  readonly socketPath?: string;
}

const NAME_AND_PORT = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/;

/** Takes a host's address apart; what is not of its form is taken for a name as a whole. */
export function placeOf(address: string): HostPlace {
  if (address.startsWith("/")) return { socketPath: address };
  const [, v6, name, port] = NAME_AND_PORT.exec(address) ?? [];
  return { host: v6 ?? name ?? address, ...(port !== undefined && { port: Number(port) }) };
}
