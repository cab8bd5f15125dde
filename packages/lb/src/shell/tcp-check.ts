import type { CheckResult } from "../health-check.js";
import { matchesInOrder } from "../status-range.js";
import type { HealthChecker } from "./health-checks.js";
import { splitAddress } from "./http-check.js";

/** Options of {@link tcpCheck}. */
export interface TcpCheckOptions {
  /** What to send once connected. Default: nothing. */
  readonly send?: Uint8Array;
  /** Parts that must come back, in order. Default: none, so that a connection is enough. */
  readonly receive?: readonly Uint8Array[];
}

/** Checks by a TCP connection. */
export function tcpCheck(options: TcpCheckOptions = {}): HealthChecker {
  return async (host, signal) => {
    // Loaded when a check runs: the package loads where there is no node.
    const { connect } = await import("node:net");
    if (signal.aborted) return "timeout";
    return new Promise<CheckResult>((resolve, reject) => {
      const { hostname, port } = splitAddress(host);
      const socket = connect({ host: hostname, port });
      const chunks: Buffer[] = [];
      const finish = (result: CheckResult): void => {
        socket.destroy();
        resolve(result);
      };
      signal.addEventListener("abort", () => finish("timeout"), { once: true });
      socket.on("error", reject);
      socket.on("connect", () => {
        if (options.send) socket.write(options.send);
        if (!options.receive?.length) finish("ok");
      });
      socket.on("data", (chunk) => {
        chunks.push(chunk);
        if (matchesInOrder(Buffer.concat(chunks), options.receive ?? [])) finish("ok");
      });
      socket.on("close", () => resolve("network"));
    });
  };
}
