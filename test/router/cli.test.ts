import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileRoutes } from "@weftmesh/router";
import { routeMatchers } from "@weftmesh/router/testing";
import { afterAll, describe, expect, test } from "vitest";
import { main } from "../../packages/router/src/cli/main.js";

const dir = mkdtempSync(join(tmpdir(), "weft-route-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

function run(...args: string[]): { code: number; out: string; err: string } {
  let out = "";
  let err = "";
  const code = main(args, {
    stdout(text) {
      out += text;
    },
    stderr(text) {
      err += text;
    },
  });
  return { code, out, err };
}

const table = file(
  "table.yaml",
  `name: shop
virtual_hosts:
- name: shop
  domains: ["*"]
  routes:
  - match: { prefix: /cart, headers: [{ name: x-canary, string_match: { exact: "1" } }] }
    route: { cluster: cart-v2 }
  - match: { path: /cart }
    route: { cluster: cart }
`,
);
const broken = file(
  "broken.yaml",
  'virtual_hosts:\n- name: a\n  domains: ["*"]\n  routes:\n  - match: { safe_regex: { regex: "(" } }\n    route: { cluster: c }\n',
);
const tests = (cluster: string): string =>
  file(
    `tests-${cluster}.json`,
    JSON.stringify({
      tests: [
        {
          test_name: "T",
          input: { authority: "h", path: "/cart", method: "GET" },
          validate: { cluster_name: cluster },
        },
      ],
    }),
  );

describe("weft-route", () => {
  test("check prints coverage and ends with 0 if all tests pass", () => {
    expect(run("check", "-c", table, "-t", tests("cart"), "--details")).toEqual({
      code: 0,
      out: "T\nCurrent route coverage: 50%\n",
      err: "",
    });
  });

  test("check prints what was expected and ends with 1 if one fails", () => {
    const { code, err } = run("check", "-c", table, "-t", tests("other"));
    expect([code, err]).toEqual([1, "T\nexpected: [other], actual: [cart], test type: cluster_name\n"]);
  });

  test("check fails under the wanted coverage", () => {
    const { code, err } = run("check", "-c", table, "-t", tests("cart"), "-f", "60");
    expect([code, err]).toEqual([1, "Failed to meet coverage requirement: 60%\n"]);
  });

  test("explain names the first failing test of each route and the winner", () => {
    const { code, out } = run("explain", "-c", table, "-r", "GET http://h/cart");
    expect(code).toBe(0);
    expect(out).toContain('virtual_hosts[0].routes[0]: headers[0]: expected header x-canary "1", got absent');
    expect(out).toContain("=> forward to cart");
  });

  test("explain ends with 1 if nothing takes the request", () => {
    expect(run("explain", "-c", table, "-r", "GET http://h/else").code).toBe(1);
  });

  test("a refused table is one line with its place, and 2", () => {
    const { code, err } = run("explain", "-c", broken, "-r", "GET http://h/");
    expect(code).toBe(2);
    expect(err).toMatch(
      /^.*broken\.yaml:5:\d+ virtual_hosts\[0\]\.routes\[0\]\.match\.safe_regex\.regex: missing \).*\(ERR_ROUTER_REGEX_SYNTAX\)\n$/,
    );
  });

  test.each([["nothing"], ["check"], ["explain", "-c", "/no/such/file", "-r", "GET http://h/"], ["check", "--nope"]])(
    "wrong use (%s) ends with 2",
    (...args) => {
      const { code, err } = run(...args);
      expect(code).toBe(2);
      expect(err).not.toBe("");
    },
  );

  test("help and version go to stdout", () => {
    expect(run("--version")).toMatchObject({ code: 0, err: "" });
    expect(run("check", "--help").out).toContain("Example:");
  });
});

describe("matchers for tests", () => {
  const routes = compileRoutes({
    virtualHosts: [{ name: "v", domains: ["*"], routes: [{ match: { path: "/cart" }, route: { cluster: "cart" } }] }],
  });

  test("hold for the cluster that a request comes to", () => {
    expect(routeMatchers.toRoute(routes, "GET http://shop/cart", "cart").pass).toBe(true);
  });

  test("print the trace when they do not", () => {
    const { pass, message } = routeMatchers.toRoute(routes, "http://shop/carts", "cart");
    expect(pass).toBe(false);
    expect(message()).toContain('expected path "/cart", got "/carts"');
  });
});
