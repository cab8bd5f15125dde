/** The configuration protocol against programs that speak it. */
import { buildGo, type Peer } from "./peer.js";
import { Checks } from "./xds/check.js";
import { checkEnvoy } from "./xds/envoy.js";
import { checkGoControlPlane } from "./xds/go-control-plane.js";
import { checkGrpcClients } from "./xds/grpc-clients.js";

export const peer: Peer = {
  name: "xds",
  requires: ["envoy", "go"],
  async run({ cases, seed, log }) {
    const checks = new Checks(log);
    const binary = await buildGo("xds-go", log);
    await checkGrpcClients(checks, binary);
    await checkGoControlPlane(checks, binary, Math.max(cases, 500), seed);
    await checkEnvoy(checks, cases);
    return checks.result();
  },
};
