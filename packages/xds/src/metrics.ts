import { discoveryTypeOf } from "./discovery-types.js";
import type { ClientEvent } from "./xds-client.js";
import type { ServerEvent } from "./xds-server.js";

/** Takes measurements; injected, so that any metrics library will do. */
export interface Meter {
  /** Adds to a counter. */
  count(name: string, value: number, labels: Readonly<Record<string, string>>): void;
  /** Sets a gauge. */
  gauge(name: string, value: number, labels: Readonly<Record<string, string>>): void;
  /** Adds a value to a distribution. */
  observe(name: string, value: number, labels: Readonly<Record<string, string>>): void;
}

/** Who is behind, and since when: the time between the first sending of a version and its acknowledgement. */
export interface Convergence {
  /** Node ids that were sent something they have not answered, the slowest first, with the milliseconds since. */
  behind(now: number): readonly { readonly node: string; readonly typeUrl: string; readonly forMs: number }[];
}

/**
 * Turns a server's events into metrics with Istio's names (L4): `pilot_xds`, `pilot_xds_pushes`, `pilot_xds_config_size`
 * in resources, `pilot_proxy_convergence_time` in seconds, and `pilot_total_xds_rejects`.
 *
 * @param now - Monotonic milliseconds.
 * @returns What to give as `onEvent`, and who is behind.
 */
export function serverMetrics(
  meter: Meter,
  now: () => number,
): { readonly onEvent: (event: ServerEvent) => void } & Convergence {
  const nodes = new Map<number, string>();
  const sent = new Map<string, { readonly node: string; readonly typeUrl: string; readonly at: number }>();
  const settle = (stream: number, typeUrl: string, converged: boolean): void => {
    const key = `${stream} ${typeUrl}`;
    const push = sent.get(key);
    sent.delete(key);
    if (push === undefined || !converged) return;
    meter.observe("pilot_proxy_convergence_time", (now() - push.at) / 1000, { type: short(typeUrl) });
  };
  return {
    behind: (at) =>
      [...sent.values()]
        .map(({ node, typeUrl, at: since }) => ({ node, typeUrl, forMs: at - since }))
        .sort((a, b) => b.forMs - a.forMs),
    onEvent(event) {
      switch (event.kind) {
        case "connected":
          nodes.set(event.stream, event.node.id);
          meter.gauge("pilot_xds", nodes.size, {});
          return;
        case "disconnected":
          nodes.delete(event.stream);
          for (const key of [...sent.keys()]) if (key.startsWith(`${event.stream} `)) sent.delete(key);
          meter.gauge("pilot_xds", nodes.size, {});
          return;
        case "sent": {
          const key = `${event.stream} ${event.typeUrl}`;
          if (!sent.has(key)) sent.set(key, { node: event.node.id, typeUrl: event.typeUrl, at: now() });
          meter.count("pilot_xds_pushes", 1, { type: short(event.typeUrl).toLowerCase() });
          meter.observe("pilot_xds_config_size", event.resources.length, { type: short(event.typeUrl) });
          return;
        }
        case "ack":
          settle(event.stream, event.typeUrl, true);
          return;
        case "nack":
          settle(event.stream, event.nack.typeUrl, false);
          meter.count("pilot_total_xds_rejects", 1, { type: short(event.nack.typeUrl).toLowerCase() });
          return;
      }
    },
  };
}

/**
 * Turns a client's events into the metrics of gRFC A78 (L4): `grpc.xds_client.connected`, `.server_failure`,
 * `.resource_updates_valid` and `.resource_updates_invalid`.
 *
 * @param target - The label `grpc.target`.
 * @returns What to give as `onEvent`.
 * @see https://github.com/grpc/proposal/blob/master/A78-grpc-metrics-wrr-pf-xds.md
 */
export function clientMetrics(meter: Meter, target: string): (event: ClientEvent) => void {
  let server = "";
  return (event) => {
    switch (event.kind) {
      case "connected":
        server = event.server;
        meter.gauge("grpc.xds_client.connected", 1, { "grpc.target": target, "grpc.xds.server": server });
        return;
      case "disconnected": {
        const labels = { "grpc.target": target, "grpc.xds.server": event.server };
        meter.gauge("grpc.xds_client.connected", 0, labels);
        // E2: a stream that has answered may end, which is no failure; only then is there no wait.
        if (event.retryMs > 0) meter.count("grpc.xds_client.server_failure", 1, labels);
        return;
      }
      case "ack": {
        const labels = {
          "grpc.target": target,
          "grpc.xds.server": server,
          "grpc.xds.resource_type": bare(event.typeUrl),
        };
        meter.count("grpc.xds_client.resource_updates_valid", event.resources.length, labels);
        return;
      }
      case "nack": {
        const { typeUrl, reasons } = event.nack;
        const labels = { "grpc.target": target, "grpc.xds.server": server, "grpc.xds.resource_type": bare(typeUrl) };
        const bad = new Set(reasons.map(({ resource = "" }) => resource));
        meter.count("grpc.xds_client.resource_updates_invalid", bad.size, labels);
        return;
      }
    }
  };
}

function short(typeUrl: string): string {
  return discoveryTypeOf(typeUrl)?.short ?? bare(typeUrl);
}

function bare(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}
