/** Hosts that answer, or keep a request waiting for as long as a test wants. */
import { once } from "node:events";
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { hostsOf } from "./endpoints.js";

/** A request under way. */
export interface Held {
  /** The address of the host that has it. */
  readonly host: string;
  /** Answers it, and waits until its client has the answer. */
  release(): Promise<void>;
}

/** Hosts at 127.`net`.0.0 and after it, all on one port. */
export interface Upstreams extends AsyncDisposable {
  readonly port: number;
  /** Sends a request that stays under way, through Envoy at this port. */
  hold(envoyPort: number, headers: Readonly<Record<string, string>>): Promise<Held>;
}

/**
 * Starts hosts. A request is answered with the address of its host and what `respond` adds.
 *
 * @param respond - Response headers of the host with this address.
 */
export async function startUpstreams(
  net: number,
  count: number,
  respond: (host: string) => Readonly<Record<string, string>> = () => ({}),
): Promise<Upstreams> {
  const servers: Server[] = [];
  const waiting = new Map<string, (at: { host: string; response: ServerResponse }) => void>();
  let port = 0;
  for (const { address } of hostsOf(net, count)) {
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      const host = `${address}:${port}`;
      const kept = waiting.get(String(request.headers["x-hold"]));
      if (kept) kept({ host, response });
      else response.writeHead(200, { ...respond(host) }).end(`host=${host};`);
    };
    const server = createServer({ keepAliveTimeout: 60_000 }, answer).listen(port, address);
    await once(server, "listening");
    ({ port } = server.address() as AddressInfo);
    servers.push(server);
  }
  let held = 0;
  return {
    port,
    async hold(envoyPort, headers) {
      const name = `${held++}`;
      const arrived = new Promise<{ host: string; response: ServerResponse }>((resolve) => waiting.set(name, resolve));
      const request = get({
        port: envoyPort,
        host: "127.0.0.1",
        headers: { ...headers, "x-hold": name },
        agent: false,
      });
      const answered = once(request, "response").then(async ([response]) => {
        const message = response as IncomingMessage;
        message.resume();
        await once(message, "end");
        return `answered with ${message.statusCode}`;
      });
      const first = await Promise.race([arrived, answered]);
      if (typeof first === "string") throw new Error(`a request to be held was ${first}`);
      return {
        host: first.host,
        async release() {
          first.response.end();
          await answered;
        },
      };
    },
    async [Symbol.asyncDispose]() {
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
      await Promise.all(servers.map((server) => (server.listening ? once(server, "close") : undefined)));
    },
  };
}
