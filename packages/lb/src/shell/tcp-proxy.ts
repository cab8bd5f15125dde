import type { Socket } from "node:net";
import type { Cluster } from "../cluster.js";
import type { Outcome } from "../pick.js";
import { placeOf } from "./host-place.js";

/** Opens a connection and calls back once; undici's `buildConnector` and `undiciConnect` of `@weftmesh/cert` make such. */
export type Connector = (
  target: { readonly hostname: string; readonly port: string },
  callback: (...result: [error: null, socket: Socket] | [error: Error, socket: null]) => void,
) => void;

/** Where {@link tcpProxy} sends bytes. */
export interface TcpUpstream {
  /** Chooses the host. */
  readonly lb: Cluster;
  /** Opens the connection to it. */
  readonly connect: Connector;
}

/**
 * Passes the bytes of a connection to a host of a cluster and back, until both sides have ended. Without a cluster or
 * a host, or when the cluster has `max_connections` of them, the connection is closed, as Envoy's `tcp_proxy` does.
 *
 * @param socket - Accepted with `allowHalfOpen`, or a client that has said all gets no answer.
 */
export function tcpProxy(upstream: TcpUpstream | undefined, socket: Socket): void {
  // What breaks off ends the connection, also while the one to the host is not up yet.
  socket.on("error", () => undefined);
  const pick = upstream?.lb.pick();
  if (upstream === undefined || pick?.kind !== "host") {
    socket.destroy();
    return;
  }
  const permit = upstream.lb.admit("connection", "DEFAULT", pick.host);
  const end = (outcome: Outcome): void => {
    socket.destroy();
    permit?.release();
    pick.done(outcome);
  };
  if (permit === undefined) {
    end({ result: "aborted" });
    return;
  }
  try {
    const { host = pick.host.address, port = 0 } = placeOf(pick.host.address);
    upstream.connect({ hostname: host, port: String(port) }, async (error, peer) => {
      peer?.on("error", () => undefined);
      pick.report({ result: error ? "connect-failed" : "connected-final" });
      const { pipeline } = await import("node:stream/promises");
      // A pipeline listens to both of its ends more than once, which is no leak.
      if (peer)
        await pipeline(socket.setMaxListeners(20), peer.setMaxListeners(20), socket).catch(() => peer.destroy());
      end({ result: "connected-final" });
    });
  } catch {
    end({ result: "connect-failed" });
  }
}
