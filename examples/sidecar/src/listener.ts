import { createServer, type Socket } from "node:net";
import { isDeepStrictEqual } from "node:util";
import { type IdentitySource, speaksTls } from "@weftmesh/cert";
import { originalDst } from "@weftmesh/iptables-gen";
import { compileListener, type FilterChains, socketFacts } from "@weftmesh/router";
import type { ListenerConfig } from "@weftmesh/xds";
import { compileChain, type Serve, type Surroundings } from "./filter-chain.js";
import type { Upstreams } from "./upstream.js";

type Config = Pick<ListenerConfig, "listener" | "routes">;

/** One address: which filter chain takes a connection. */
export class Listening implements Disposable {
  readonly #server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  readonly #around: Surroundings;
  #config: Config | undefined;
  #chains!: FilterChains;
  #serve: readonly Serve[] = [];

  constructor(config: Config, identity: IdentitySource, upstreams: Upstreams, count = (_: string): void => {}) {
    this.#around = { identity, upstreams, count, routes: (name) => this.#config?.routes.get(name) };
    this.update(config);
  }

  /** Binds the address. */
  open(): Promise<void> {
    const { address = "127.0.0.1", portValue = 0 } = this.#config?.listener.address?.socketAddress ?? {};
    return new Promise((resolve, reject) => this.#server.once("error", reject).listen(portValue, address, resolve));
  }

  /** Takes a configuration for the same address. Routes change for open connections; these keep their filter chain. */
  update(config: Config): boolean {
    const { address, filterChains = [], defaultFilterChain = {} } = config.listener;
    const old = this.#config?.listener;
    if (old && !isDeepStrictEqual(old.address, address)) return false;
    if (config.listener !== old) {
      this.#chains = compileListener(config.listener);
      // The default chain has the index -1 and stands last.
      const chains = [...filterChains, defaultFilterChain];
      this.#serve = chains.map((chain, index) => compileChain(chain, `filter_chains[${index}]`, this.#around));
    }
    this.#config = config;
    return true;
  }

  [Symbol.dispose](): void {
    this.#server.close();
  }

  /** Runs the listener filters (where the caller wanted to go, whether it speaks TLS), then the chain that they lead to. */
  async #accept(socket: Socket): Promise<void> {
    socket.on("error", () => socket.destroy());
    let facts = socketFacts(socket);
    for (const { name } of this.#config?.listener.listenerFilters ?? []) {
      const to = name === "envoy.filters.listener.original_dst" ? originalDst(socket) : undefined;
      if (to?.kind === "found") facts = { ...facts, destinationAddress: to.address, destinationPort: to.port };
      if (name === "envoy.filters.listener.tls_inspector") {
        facts = { ...facts, transportProtocol: (await speaksTls(socket)) ? "tls" : "raw_buffer" };
      }
    }
    const match = this.#chains.match(facts);
    if (match.kind === "chain") return this.#serve.at(match.index)?.(socket, facts);
    this.#around.count("denied.no_filter_chain");
    socket.destroy();
  }
}
