/** The configuration protocol against programs that speak it. */
import { buildGo, type Peer } from "./peer.js";
import { Checks } from "./xds/check.js";
import { checkEnvoy } from "./xds/envoy.js";
import { measureFanOut } from "./xds/fan-out.js";
import { checkGoControlPlane } from "./xds/go-control-plane.js";
import { checkGrpcClients } from "./xds/grpc-clients.js";

/** From so many cases on, the speed of both servers is measured too: a short run need not wait for it. */
const FAN_OUT_FROM = 500;

export const peer: Peer = {
  name: "xds",
  requires: ["envoy", "go"],
  async run({ cases, seed, log }) {
    const checks = new Checks(log);
    const binary = await buildGo("xds-go", log);
    await checkGrpcClients(checks, binary);
    await checkGoControlPlane(checks, binary, Math.max(cases, 500), seed);
    await checkEnvoy(checks, cases);
    if (cases >= FAN_OUT_FROM) await measureFanOut(binary, log);
    return checks.result();
  },
};
