import { describe, expect, test } from "vitest";
import { readEnvoyBootstrap, readGrpcBootstrap } from "../../packages/xds/src/bootstrap-read.js";
import { envoyBootstrap, grpcBootstrap } from "../../packages/xds/src/bootstrap-write.js";

describe("bootstrap of gRPC", () => {
  test("the file of the peers page is read, without a locality", () => {
    const text =
      '{"xds_servers":[{"server_uri":"127.0.0.1:9","channel_creds":[{"type":"insecure"}],"server_features":["xds_v3"]}],"node":{"id":"n1","cluster":"c"},"unknown":1}';
    expect(readGrpcBootstrap(text)).toEqual({
      servers: [{ uri: "127.0.0.1:9", variant: "sotw", features: ["xds_v3"], credentials: ["insecure"] }],
      node: { id: "n1", cluster: "c" },
    });
  });

  test("what is written is read back", () => {
    const bootstrap = {
      servers: [{ uri: "a:1", variant: "sotw", features: ["xds_v3", "fail_on_data_errors"], credentials: ["tls"] }],
      node: { id: "n", cluster: "c", locality: { region: "r", zone: "z", subZone: "s" }, metadata: { k: [1] } },
      authorities: { other: { clientListenerResourceNameTemplate: "xdstp://other/x/%s" } },
    } as const;
    expect(readGrpcBootstrap(JSON.stringify(grpcBootstrap(bootstrap)))).toEqual(bootstrap);
  });

  test.each([
    { name: "not JSON", text: "{", path: "bootstrap" },
    { name: "no server", text: "{}", path: "xds_servers" },
    { name: "an empty list", text: '{"xds_servers":[]}', path: "xds_servers" },
    { name: "a server without a target", text: '{"xds_servers":[{}]}', path: "xds_servers[0].server_uri" },
    {
      name: "N6: a template outside its authority",
      text: '{"xds_servers":[{"server_uri":"a"}],"authorities":{"x":{"client_listener_resource_name_template":"xdstp://y/%s"}}}',
      path: "authorities.x.client_listener_resource_name_template",
    },
  ])("$name is refused by path", ({ text, path }) => {
    expect(() => readGrpcBootstrap(text)).toThrow(expect.objectContaining({ code: "ERR_XDS_BOOTSTRAP_INVALID", path }));
  });
});

describe("bootstrap of Envoy", () => {
  test.each([
    { server: "127.0.0.1:15010", variant: "delta" },
    { server: "control.mesh:15010", variant: "sotw" },
    { server: "unix:/run/xds.sock", variant: "delta" },
    { server: "[::1]:15010", variant: "delta" },
  ] as const)("what is written for $server is read back", ({ server, variant }) => {
    const written = envoyBootstrap({ node: { id: "n", cluster: "c" }, server, variant });
    const read = readEnvoyBootstrap(JSON.parse(JSON.stringify(written)));
    expect(read.servers).toEqual([{ uri: server.replace(/[[\]]/g, ""), variant }]);
    expect(read.node).toMatchObject({ id: "n", cluster: "c" });
  });

  test("V7: another transport version than V3 is refused", () => {
    const ads = { api_type: "GRPC", grpc_services: [] };
    for (const version of ["V2", "AUTO", undefined]) {
      const json = { dynamic_resources: { ads_config: { ...ads, transport_api_version: version } } };
      expect(() => readEnvoyBootstrap(json)).toThrow(/transport_api_version: V3 expected/);
    }
  });
});
