import type { CheckResult } from "../health-check.js";
import { OrderedParts } from "../ordered-parts.js";
import { checkPlaceOf } from "./check-place.js";
import type { HealthChecker } from "./health-checks.js";

/** Options of {@link tcpCheck}. */
export interface TcpCheckOptions {
  /** What to send once connected; without `receive` nothing is sent, as in Envoy. Default: nothing. */
  readonly send?: Uint8Array;
  /** Parts that must come back, each after the one before it. Default: none, so that a connection is enough. */
  readonly receive?: readonly Uint8Array[];
  /** Port to connect to, for hosts that name none for checks. Default: the host's own. */
  readonly port?: number;
}

/** Checks by a TCP connection. However much the host sends, only as much as the longest part is kept. */
export function tcpCheck(options: TcpCheckOptions = {}): HealthChecker {
  return async (host, signal) => {
    // Loaded when a check runs: the package loads where there is no node.
    const { connect } = await import("node:net");
    if (signal.aborted) return "timeout";
    return new Promise<CheckResult>((resolve) => {
      const { host: name = "", port = 0, socketPath } = checkPlaceOf(host, options.port);
      const socket = socketPath === undefined ? connect({ host: name, port }) : connect(socketPath);
      const parts = new OrderedParts(options.receive ?? []);
      const finish = (result: CheckResult): void => {
        socket.destroy();
        resolve(result);
      };
      signal.addEventListener("abort", () => finish("timeout"), { once: true });
      socket.on("connect", () => {
        if (parts.complete) finish("ok");
        else if (options.send) socket.write(options.send);
      });
      socket.on("data", (chunk) => {
        parts.feed(chunk);
        if (parts.complete) finish("ok");
      });
      socket.on("error", () => finish("network"));
      socket.on("close", () => resolve("network"));
    });
  };
}
