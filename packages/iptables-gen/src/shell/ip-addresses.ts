interface Link {
  readonly addr_info?: readonly { readonly family?: string; readonly local?: string; readonly prefixlen?: number }[];
}

/** Addresses in what `ip -j address show` prints, all IPv4 ones first. */
export function readIpAddresses(json: string): readonly string[] {
  const links = JSON.parse(json) as readonly Link[];
  const all = links.flatMap(({ addr_info: addresses }) => addresses ?? []);
  const of = (family: string): string[] =>
    all.filter((one) => one.family === family).map((one) => `${one.local}/${one.prefixlen}`);
  return [...of("inet"), ...of("inet6")];
}

/** Addresses of this machine as `ip` has them, none where there is no such program. */
export function ipAddresses(): readonly string[] {
  // Loaded here, because it is rarely needed and a dry run must start as fast as node does.
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  const { status, stdout } = spawnSync("ip", ["-j", "address", "show"], { encoding: "utf8" });
  return status === 0 ? readIpAddresses(stdout) : [];
}
