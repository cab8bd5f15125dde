import { expect, test } from "vitest";
import { clientMetrics, type Meter, serverMetrics } from "../../packages/xds/src/metrics.js";
import { T } from "./opaque.js";

function recorder(): { readonly meter: Meter; readonly lines: string[] } {
  const lines: string[] = [];
  const take = (kind: string) => (name: string, value: number, labels: Readonly<Record<string, string>>) =>
    void lines.push(`${kind} ${name} ${value} ${JSON.stringify(labels)}`);
  return { lines, meter: { count: take("count"), gauge: take("gauge"), observe: take("observe") } };
}

const node = { id: "n", cluster: "c" };

test("L4: a server's events are counted under Istio's names, and who is behind is named", () => {
  const { meter, lines } = recorder();
  let now = 0;
  const { onEvent, behind } = serverMetrics(meter, () => now);
  onEvent({ kind: "connected", stream: 1, node, peer: "p", variant: "delta" });
  onEvent({ kind: "sent", stream: 1, node, typeUrl: T.CDS, version: "1", nonce: "1", resources: ["a"], removed: [] });
  now = 250;
  expect(behind(now)).toEqual([{ node: "n", typeUrl: T.CDS, forMs: 250 }]);
  onEvent({ kind: "ack", stream: 1, node, typeUrl: T.CDS, version: "1", nonce: "1" });
  onEvent({ kind: "sent", stream: 1, node, typeUrl: T.EDS, version: "1", nonce: "2", resources: [], removed: [] });
  const nack = { node, typeUrl: T.EDS, nonce: "2", version: "1", code: 3, message: "no", reasons: [{ reason: "no" }] };
  onEvent({ kind: "nack", stream: 1, nack });
  onEvent({ kind: "disconnected", stream: 1, node });
  expect(behind(now)).toEqual([]);
  expect(lines).toEqual([
    "gauge pilot_xds 1 {}",
    'count pilot_xds_pushes 1 {"type":"cds"}',
    'observe pilot_xds_config_size 1 {"type":"CDS"}',
    'observe pilot_proxy_convergence_time 0.25 {"type":"CDS"}',
    'count pilot_xds_pushes 1 {"type":"eds"}',
    'observe pilot_xds_config_size 0 {"type":"EDS"}',
    'count pilot_total_xds_rejects 1 {"type":"eds"}',
    "gauge pilot_xds 0 {}",
  ]);
});

test("L4: a client's events are counted under the names of gRFC A78", () => {
  const { meter, lines } = recorder();
  const onEvent = clientMetrics(meter, "#server");
  onEvent({ kind: "connected", server: "s" });
  onEvent({ kind: "ack", typeUrl: T.CDS, version: "1", resources: ["a", "b"] });
  const reasons = [
    { resource: "a", reason: "x" },
    { resource: "a", reason: "y" },
  ];
  onEvent({ kind: "nack", nack: { node, typeUrl: T.CDS, nonce: "2", version: "1", code: 3, message: "no", reasons } });
  onEvent({ kind: "disconnected", server: "s", reason: "gone", retryMs: 0 });
  onEvent({ kind: "disconnected", server: "s", reason: "gone", retryMs: 1000 });
  const server = '"grpc.target":"#server","grpc.xds.server":"s"';
  expect(lines).toEqual([
    `gauge grpc.xds_client.connected 1 {${server}}`,
    `count grpc.xds_client.resource_updates_valid 2 {${server},"grpc.xds.resource_type":"envoy.config.cluster.v3.Cluster"}`,
    `count grpc.xds_client.resource_updates_invalid 1 {${server},"grpc.xds.resource_type":"envoy.config.cluster.v3.Cluster"}`,
    `gauge grpc.xds_client.connected 0 {${server}}`,
    `gauge grpc.xds_client.connected 0 {${server}}`,
    `count grpc.xds_client.server_failure 1 {${server}}`,
  ]);
});
