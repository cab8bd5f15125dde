/** The configuration protocol against programs that speak it. */
import type { Peer } from "./peer.js";
import { Checks } from "./xds/check.js";
import { checkEnvoy } from "./xds/envoy.js";

export const peer: Peer = {
  name: "xds",
  requires: ["envoy"],
  async run({ cases, log }) {
    const checks = new Checks(log);
    await checkEnvoy(checks, cases);
    return checks.result();
  },
};
