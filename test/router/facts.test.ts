import type { IncomingHttpHeaders } from "node:http";
import { createRequest } from "@weftmesh/router";
import { describe, expect, test } from "vitest";
import { RequestFacts } from "../../packages/router/src/facts.js";

const factsOf = (path: string): RequestFacts =>
  new RequestFacts({ method: "GET", scheme: "http", path, headers: [] }, { random: () => 0, now: 0 }, false);

describe("a request as its tests see it", () => {
  test.each([
    ["/a", "/a"],
    ["/a?b", "/a"],
    ["/a#b", "/a"],
    ["/a?b#c", "/a"],
    ["/a#b?c", "/a"],
    ["?", ""],
    ["#", ""],
    ["", ""],
  ])("the path of %j ends at the first ? or #", (path, cut) => {
    expect(factsOf(path).path).toBe(cut);
  });

  test.each<[string, [string, string][]]>([
    ["/a", []],
    ["/a?", [["", ""]]],
    ["/a?x", [["x", ""]]],
    ["/a?x=", [["x", ""]]],
    ["/a?x=1=2", [["x", "1=2"]]],
    ["/a?x=1&x=2", [["x", "1"]]],
    [
      "/a?&x=1&",
      [
        ["", ""],
        ["x", "1"],
      ],
    ],
    ["/a?x=%31+", [["x", "%31+"]]],
    ["/a?x=1?y=2", [["x", "1?y=2"]]],
    ["/a?x=1#f", [["x", "1#f"]]],
    ["/a#f?x=1", [["x", "1"]]],
  ])("the query of %j is split on & and at the first =, undecoded", (path, query) => {
    expect([...factsOf(path).query]).toEqual(query);
  });
});

test("createRequest takes the headers of a node:http request as they are", () => {
  const headers: IncomingHttpHeaders = { host: "shop", "x-a": "1", "set-cookie": ["a", "b"], range: undefined };
  expect(createRequest({ headers })).toEqual({
    method: "GET",
    scheme: "http",
    authority: "shop",
    path: "/",
    headers: ["x-a", "1", "set-cookie", "a", "set-cookie", "b", "x-forwarded-proto", "http"],
  });
});
