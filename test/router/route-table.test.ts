import { compileRoutes, createRequest, fixedRandom } from "@weftmesh/router";
import { describe, expect, test } from "vitest";

const context = { random: fixedRandom(0), now: 0 };
const forward = (cluster: string, prefix = "/") => ({ match: { prefix }, route: { cluster } });

describe("virtual hosts", () => {
  const table = compileRoutes({
    virtualHosts: [
      { name: "exact", domains: ["www.foo.com"], routes: [forward("exact")] },
      { name: "suffix", domains: ["*.foo.com"], routes: [forward("suffix")] },
      { name: "long-suffix", domains: ["*.b.foo.com"], routes: [forward("long-suffix")] },
      { name: "prefix", domains: ["www.bar.*", "www.foo.*"], routes: [forward("prefix")] },
      { name: "any", domains: ["*"], routes: [forward("any")] },
    ],
  });
  test.each([
    ["an exact domain wins", "www.foo.com", "exact"],
    ["case does not count", "WWW.FOO.com", "exact"],
    ["a suffix wildcard takes any number of labels", "a.a.foo.com", "suffix"],
    ["the longer suffix wins", "a.b.foo.com", "long-suffix"],
    ["a wildcard takes at least one character", ".foo.com", "any"],
    ["a prefix wildcard", "www.bar.org", "prefix"],
    ["a suffix beats a longer prefix", "www.foo.foo.com", "suffix"],
    ["a port is part of the host", "www.foo.com:80", "prefix"],
    ["the star takes the rest", "else", "any"],
  ])("%s", (_, authority, cluster) => {
    expect(table.route(createRequest({ authority }), context)).toMatchObject({ kind: "forward", cluster });
  });
});
