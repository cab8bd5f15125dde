import { CertError } from "@weftmesh/cert";
import { compileRoutes } from "@weftmesh/router";
import { findingsOf } from "@weftmesh/xds";
import { expect, test } from "vitest";

test("findingsOf keeps every issue that a package's error carries", () => {
  const wrong = { match: { safeRegex: { regex: "(" } }, route: { cluster: "c" } };
  let error: unknown;
  try {
    compileRoutes({ virtualHosts: [{ name: "a", domains: ["*"], routes: [wrong, wrong] }] });
  } catch (thrown) {
    error = thrown;
  }
  expect(findingsOf(error).map(({ path }) => path)).toEqual([
    "virtual_hosts[0].routes[0].match.safe_regex.regex",
    "virtual_hosts[0].routes[1].match.safe_regex.regex",
  ]);
});

test.each([
  [Object.assign(new Error("bad"), { path: "a.b" }), { path: "a.b", message: "bad" }],
  [new Error("bad"), { path: "", message: "bad" }],
  [new CertError("ERR_CERT_SAN_MATCHER", "a.b", "bad"), { path: "a.b", message: "bad" }],
  ["text", { path: "", message: "text" }],
  [undefined, { path: "", message: "undefined" }],
])("findingsOf makes one finding of anything else: %o", (error, finding) => {
  expect(findingsOf(error)).toEqual([finding]);
});
