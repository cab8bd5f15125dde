/** `weft-route check` beside router_check_tool: files in three formats, lines, coverage, and what people get wrong. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { main } from "../../packages/router/src/cli/main.js";
import { conformanceDir } from "../conformance/suite.js";

const dir = mkdtempSync(join(tmpdir(), "weft-check-"));
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
  virtual_clusters: [{ name: all, headers: [{ name: ":path", string_match: { prefix: / } }] }]
  routes:
  - match: { prefix: /cart, case_sensitive: false, headers: [{ name: x-é, string_match: { exact: "a\\"b" } }] }
    route: { cluster: cart-v2 }
  - match: { path: /cart }
    route: { cluster: cart, prefix_rewrite: /v1, timeout: 3s }
  - match: { prefix: /w }
    route: { weighted_clusters: { clusters: [{ name: w1, weight: 50 }, { name: w2, weight: 50 }] } }
  - match: { prefix: /go }
    redirect: { path_redirect: /to }
`,
);

const yaml = `tests:
- test_name: cart
  input: { authority: h, path: /cart, method: GET, random_value: 5, additional_request_headers: [{ key: x-a, value: b }] }
  validate:
    cluster_name: cart
    path_rewrite: /v1
    timeout: 3s
    request_header_matches: [{ name: x-a, string_match: { exact: b } }]
`;
const json = `{"tests": [{"testName": "cart", "input": {"authority": "h", "path": "/cart", "method": "GET", "randomValue": "5",
  "additionalRequestHeaders": [{"key": "x-a", "value": "b"}]}, "validate": {"clusterName": "cart", "pathRewrite": "/v1",
  "timeout": "3s", "requestHeaderMatches": [{"name": "x-a", "stringMatch": {"exact": "b"}}]}}]}`;
const text = `# the same, as protobuf writes it
tests {
  test_name: "ca" 'rt'
  input: < authority: "h"; path: "/c\\x61rt", method: "GET" random_value: 5
    additional_request_headers: [{ key: "x-a" value: "b" }]
  >
  validate {
    cluster_name { value: "cart" }
    path_rewrite { value: "/v1" }
    timeout { seconds: 3 }
    request_header_matches { name: "x-a" string_match { exact: "b" } }
  }
}
`;

describe("test files", () => {
  test.each([
    ["tests.yaml", yaml],
    ["tests.json", json],
    ["tests.pb_text", text],
    ["tests.textproto", text],
  ])("%s", (name, content) => {
    expect(run("check", "-c", table, "-t", file(name, content), "-d")).toEqual({
      code: 0,
      out: "cart\nCurrent route coverage: 20%\n",
      err: "",
    });
  });

  test.each([
    ["a.pb_text", "tests { test_name: }", /a\.pb_text:1:20 expected a value of test_name, got \}$/],
    ["b.pb_text", "tests {\n  test_name: 'x'\n", /b\.pb_text:3:1 expected a field or \}, got the end of the file$/],
    ["c.pb_text", "tests { %", /c\.pb_text:1:9 unexpected "%"$/],
    [
      "d.pb_text",
      "tests {\n test_name: 'x'\n input { authority: 'a' path: '/' method: 'GET' nope: 1 }\n validate {} }",
      /d\.pb_text:3:49 tests\[0\]\.input\.nope: no such field$/,
    ],
    [
      "e.yaml",
      "tests:\n- test_name: x\n  input: { authority: a, method: GET }\n  validate: {}\n",
      /e\.yaml:3:\d+ tests\[0\]\.input: expected path to be text, got none$/,
    ],
    [
      "f.yaml",
      "tests:\n- test_name: x\n  input: { authority: a, path: /, method: GET }\n  validate: { cluster: a }\n",
      /f\.yaml:4:\d+ tests\[0\]\.validate\.cluster: no such field$/,
    ],
    [
      "g.yaml",
      "tests:\n- input: { authority: a, path: /, method: GET }\n  validate: { request_header_matches: [{ name: a, nope: 1 }] }\n",
      /tests\[0\]: expected a test_name, got none\n.*g\.yaml:3:\d+ tests\[0\]\.validate\.request_header_matches\[0\].*nope/,
    ],
    ["h.yaml", "tests: []\n", /h\.yaml:1:\d+ tests: expected at least one test, got none$/],
    ["i.yaml", "routes: []\n", /i\.yaml:1:1 tests: expected a list of tests, got none$/],
    ["j.yaml", "tests: [\n", /j\.yaml:\d+:\d+ .*\(ERR_XDS_TYPES_/],
    [
      "k.yaml",
      `tests:
- test_name: x
  input: { authority: a, path: /, method: GET, random_value: 1.5, ssl: 1, additional_request_headers: [{ key: 1 }] }
  validate: { cluster_name: 5, code_redirect: -1, timeout: soon }
`,
      new RegExp(
        [
          "k\\.yaml:3:\\d+ tests\\[0\\]\\.input\\.random_value: expected a whole number, got 1\\.5",
          ".* tests\\[0\\]\\.input\\.ssl: expected true or false, got 1",
          ".* tests\\[0\\]\\.input\\.additional_request_headers: expected a list of objects with key and value, got .*",
          ".*:4:\\d+ tests\\[0\\]\\.validate\\.cluster_name: expected text, got 5",
          ".* tests\\[0\\]\\.validate\\.code_redirect: expected a whole number, got -1",
          '.* tests\\[0\\]\\.validate\\.timeout: expected seconds such as 1\\.5s, got "soon"$',
        ].join("\\n"),
      ),
    ],
    [
      "l.yaml",
      `tests:
- test_name: x
  input: { authority: a, path: /, method: GET }
  validate: { response_header_matches: [{ name: a, string_match: { safe_regex: { regex: "(" } } }] }
`,
      /l\.yaml:4:\d+ tests\[0\]\.validate\.response_header_matches\[0\]\.string_match\.safe_regex\.regex: missing \).*\(ERR_ROUTER_REGEX_SYNTAX\)$/,
    ],
  ])("%s: each problem is a line with its place", (name, content, expected) => {
    const { code, out, err } = run("check", "-c", table, "-t", file(name, content));
    expect([code, out]).toEqual([2, ""]);
    expect(err.trimEnd()).toMatch(expected);
  });

  test("numbers and flags may be quoted, and null is absent, as in every ProtoJSON", () => {
    const content = `tests:
- test_name: x
  input: { authority: a, path: /cart, method: GET, random_value: "18446744073709551615", ssl: "true", internal: null }
  validate:
    cluster_name: null
    code_redirect: "0"
    request_header_matches: [{ name: ":scheme", string_match: { exact: https } }]
`;
    expect(run("check", "-c", table, "-t", file("quoted.yaml", content))).toMatchObject({ code: 0, err: "" });
  });

  test("a device is no file: it may never end", () => {
    const { code, err } = run("check", "-c", "/dev/null", "-t", "/dev/null");
    expect([code, err]).toEqual([2, "/dev/null: is a device\n"]);
  });

  // Skipped where the data is not beside the repository.
  const config = join(conformanceDir("router_check"), "config");
  const cases = existsSync(config) ? readdirSync(config).filter((name) => name.endsWith(".golden.proto.json")) : [];
  test.skipIf(cases.length === 0).each(cases)("%s of the public corpus passes on the command line", (name) => {
    const routes = join(config, name.replace(".golden.proto.json", ".yaml"));
    const { code, out, err } = run("check", "-c", routes, "-t", join(config, name), "--disable-deprecation-check");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^Current route coverage: [\d.]+%\n$/);
  });
});

describe("coverage", () => {
  const one = (path: string, validate: string, random = 0) =>
    `- { test_name: "${path} ${random}", input: { authority: h, path: ${path}, method: GET, random_value: ${random} }, validate: { ${validate} } }\n`;

  // coverage.cc: five routes here, as each weighted cluster is one; five assertions of a forwarding route, two of another.
  test.each([
    [one("/w", "cluster_name: w1"), "20", "4"],
    [one("/w", "cluster_name: w1") + one("/w", "cluster_name: w2", 50), "40", "8"],
    [
      one(
        "/w",
        "cluster_name: w1, path_rewrite: /w, host_rewrite: h, virtual_host_name: shop, virtual_cluster_name: all",
      ),
      "20",
      "20",
    ],
    [one("/go", "path_redirect: 'http://h/to'"), "20", "10"],
    [one("/go", "path_redirect: 'http://h/to', code_redirect: 301") + one("/cart", "cluster_name: cart"), "40", "24"],
  ])("%s", (tests, plain, all) => {
    const path = file("coverage.yaml", `tests:\n${tests}`);
    expect(run("check", "-c", table, "-t", path).out).toBe(`Current route coverage: ${plain}%\n`);
    expect(run("check", "-c", table, "-t", path, "--covall").out).toContain(`Current route coverage: ${all}%\n`);
  });

  test("is printed with six digits", () => {
    const third = file(
      "third.yaml",
      "virtual_hosts:\n- name: a\n  domains: ['*']\n  routes:\n  - { match: { path: /a }, route: { cluster: a } }\n  - { match: { path: /b }, route: { cluster: b } }\n  - { match: { path: /c }, route: { cluster: c } }\n",
    );
    const path = file("third-tests.yaml", `tests:\n${one("/a", "cluster_name: a")}${one("/b", "cluster_name: b")}`);
    expect(run("check", "-c", third, "-t", path).out).toBe("Current route coverage: 66.6667%\n");
  });

  test("names the routes that no test reached, in text format", () => {
    const path = file(
      "missing.yaml",
      `tests:\n${one("/cart", "cluster_name: cart")}${one("/w", "cluster_name: w1")}${one("/go", "code_redirect: 301")}`,
    );
    expect(run("check", "-c", table, "-t", path, "--detailed-coverage").out).toBe(
      'Missing test for host: shop, route: prefix: "/cart"\ncase_sensitive {\n}\nheaders {\n  name: "x-\\303\\251"\n  string_match {\n    exact: "a\\"b"\n  }\n}\n\nCurrent route coverage: 60%\n',
    );
  });
});

describe("which names are shown", () => {
  const both = file(
    "both.yaml",
    "tests:\n- { test_name: good, input: { authority: h, path: /cart, method: GET }, validate: { cluster_name: cart } }\n- { test_name: bad, input: { authority: h, path: /cart, method: GET }, validate: { cluster_name: x } }\n",
  );
  const failure = "bad\nexpected: [x], actual: [cart], test type: cluster_name\n";
  test.each([
    [["-d"], "good\n"],
    [["--only-show-failures"], ""],
    [["-d", "--only-show-failures"], ""],
  ])("%j", (flags, out) => {
    expect(run("check", "-c", table, "-t", both, ...flags)).toEqual({ code: 1, out, err: failure });
  });
});

describe("several tables", () => {
  const manager = (name: string, cluster: string) =>
    `    - filters: [{ name: hcm, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, stat_prefix: a, route_config: { name: ${name}, virtual_hosts: [{ name: v, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: ${cluster} } }] }] } } }]\n`;
  const bootstrap = file(
    "bootstrap.yaml",
    `static_resources:\n  listeners:\n  - name: in\n    address: { socket_address: { address: 127.0.0.1, port_value: 80 } }\n    filter_chains:\n${manager("one", "a")}${manager("two", "b")}`,
  );
  const tests = file(
    "two.yaml",
    "tests:\n- { test_name: t, input: { authority: h, path: /, method: GET }, validate: { cluster_name: b } }\n",
  );

  test("of a bootstrap: --table chooses", () => {
    expect(run("check", "-c", bootstrap, "-t", tests, "--table", "two")).toMatchObject({ code: 0, err: "" });
    expect(run("check", "-c", bootstrap, "-t", tests, "--table", "one").code).toBe(1);
    const ask = run("check", "-c", bootstrap, "-t", tests);
    expect([ask.code, ask.err]).toEqual([
      2,
      `${bootstrap}: expected one table, or --table NAME; it has "one", "two"\n`,
    ]);
  });

  test("explain and bench go through all of them", () => {
    const { code, out } = run("explain", "-c", bootstrap, "-r", "GET http://h/");
    expect(code).toBe(0);
    expect(out).toMatch(/table one[\s\S]*=> forward to a[\s\S]*table two[\s\S]*=> forward to b/);
    const timed = run("bench", "-c", bootstrap, "-r", "GET http://h/", "--json");
    expect(timed.code).toBe(0);
    const results = JSON.parse(timed.out) as readonly { readonly table: string; readonly nsPerRequest: number }[];
    expect(results.map((one) => one.table)).toEqual(["one", "two"]);
    expect(results.every((one) => one.nsPerRequest > 0)).toBe(true);
  });
});

describe("wrong use is one line and 2", () => {
  const folder = join(dir, "folder");
  mkdirSync(folder);
  const tests = file("any.yaml", yaml);
  test.each([
    [["nothing"], 'unknown command "nothing"; weft-route --help lists the commands'],
    [["check", "--nope"], "Unknown option '--nope'; see weft-route check --help"],
    [["check", "-c", table], "Both --config-path/c and --test-path/t are mandatory"],
    [["check", "-c", join(dir, "none.yaml"), "-t", tests], `${join(dir, "none.yaml")}: no such file`],
    [["check", "-c", folder, "-t", tests], `${folder}: is a directory`],
    [["check", "-c", file("nul.yaml", "a\0b"), "-t", tests], `${join(dir, "nul.yaml")}: is not a text file`],
    [["check", "-c", table, "-t", tests, "-f", "much"], "--fail-under: expected a percentage, got much"],
    [
      ["check", "-c", table, "-t", tests, "-o", "x"],
      "--output-path: the tool's binary results are not written here; use --json",
    ],
    [["explain", "-c", table], "explain needs --config and --request"],
    [["explain", "-c", table, "-r", "http://h/"], "--request: expected 'GET http://host/path', got \"http://h/\""],
    [["explain", "-c", table, "-r", "GET http://h/", "-H", "x"], "--header: expected 'name: value', got \"x\""],
    [["explain", "-c", table, "-r", "GET http://h/", "--random", "x"], "--random: expected a whole number, got x"],
  ])("%j", (args, line) => {
    expect(run(...args)).toEqual({ code: 2, out: "", err: `${line}\n` });
  });

  test("a request without a host is said so", () => {
    const { code, err } = run("explain", "-c", table, "-r", "GET nonsense");
    expect(code).toBe(2);
    expect(err).toMatch(/^--request: .*\n$/);
  });
});
