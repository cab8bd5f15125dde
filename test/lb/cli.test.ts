import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { leastRequest, simulate } from "@weftmesh/lb";
import { afterAll, describe, expect, test } from "vitest";
import { main } from "../../packages/lb/src/cli/main.js";

const scenarios = join(import.meta.dirname, "..", "..", "packages", "lb", "scenarios");
const folder = mkdtempSync(join(tmpdir(), "weft-lb-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  let stdout = "";
  let stderr = "";
  const code = await main(argv, {
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
  });
  return { code, stdout, stderr };
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe("weft-lb simulate", () => {
  const names = readdirSync(scenarios).filter((name) => name.endsWith(".yaml"));

  test.each(names)("%s gives what was recorded, byte for byte", async (name) => {
    const { code, stdout } = await run("simulate", join(scenarios, name));
    expect(code).toBe(0);
    expect(stdout).toBe(readFileSync(join(scenarios, `${basename(name, ".yaml")}.txt`), "utf8"));
  });

  test("another seed gives another report, and the picture goes to its file", async () => {
    const svg = join(folder, "out.svg");
    const scenario = join(scenarios, "slow-host.yaml");
    const first = await run("simulate", scenario, "--requests", "2000", "--json", "--svg", svg);
    const second = await run("simulate", scenario, "--requests", "2000", "--json", "--seed", "2");
    expect(JSON.parse(first.stdout)).toMatchObject({ seed: 1, requests: 2000 });
    expect(first.stdout).not.toBe(second.stdout.replace('"seed": 2', '"seed": 1'));
    expect(readFileSync(svg, "utf8")).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
  });

  test("names every problem of the file, and of every candidate's cluster, with its place", async () => {
    const text = `name: x
requests: -1
requestsPerSecond: fast
servers: [{ name: a, count: 0 }]
candidates: [{ name: c }, 7]
`;
    const shape = await run("simulate", file("shape.yaml", text));
    expect(shape.stderr.split("\n").map((line) => /yaml:\d+:\d+ [^:]*/.exec(line)?.[0])).toEqual([
      "yaml:2:11 requests",
      "yaml:3:20 requestsPerSecond",
      "yaml:4:29 servers[0].count",
      "yaml:5:27 candidates[1]",
      undefined,
    ]);
    const clusters = `name: x
requests: 1
requestsPerSecond: 1
servers: [{ name: a }]
candidates:
- name: c
  cluster:
    lb_policy: MAGLEV
    maglev_lb_config: { table_size: 8 }
- name: d
  cluster:
    no_such_field: 1
- { name: e, cluster: { load_assignment: { cluster_name: e } } }
`;
    const cluster = await run("simulate", file("clusters.yaml", clusters));
    expect(cluster.code).toBe(2);
    expect(cluster.stderr).toMatch(/yaml:9:37 candidates\[0\]\.cluster\.maglev_lb_config\.table_size: must be a prime/);
    expect(cluster.stderr).toMatch(/yaml:12:\d+ candidates\[1\]\.cluster\.no_such_field: /);
    expect(cluster.stderr).toMatch(/yaml:13:\d+ candidates\[2\]\.cluster\.load_assignment: must be absent/);
  });

  test("names that steer a terminal or end a tag do neither", async () => {
    const svg = join(folder, "names.svg");
    const text = String.raw`{ name: "a\e[31m\nb", requests: 5, requestsPerSecond: 1, servers: [{ name: s }], candidates: [{ name: "<&\u0001>" }] }`;
    const { code, stdout } = await run("simulate", file("names.yaml", text), "--svg", svg);
    expect(code).toBe(0);
    expect(stdout.split("\n")).toHaveLength(4);
    expect(stdout).not.toContain("\u001b");
    expect(readFileSync(svg, "utf8")).toContain("&lt;&amp;\uFFFD&gt;");
  });

  test.each([
    { name: "no mapping", text: "- 1", message: ":1:1: must be a mapping" },
    {
      name: "no rate",
      text: "{ name: x, requests: 1, servers: [{ name: a }], candidates: [{ name: c }] }",
      message: ":1:1 requestsPerSecond: is required (ERR_LB_CONFIG_INVALID)",
    },
    { name: "too deep", text: "[".repeat(200_000), message: "nested too deep" },
    {
      name: "aliases that multiply",
      text: `a: &a [1, 1]\n${[..."bcdefgh"].map((key, i) => `${key}: &${key} [${Array(9).fill(`*${"abcdefg"[i]}`).join(", ")}]\n`).join("")}`,
      message: ":1:1: Excessive alias count",
    },
    { name: "no YAML", text: "{ name: ", message: ":1:9: Flow map" },
    {
      name: "a field that is not known",
      text: "name: x\nrequests: 1\nrequestsPerSecond: 1\nservers:\n- { name: a, serviceMS: 1 }\ncandidates: [{ name: c }]\n",
      message: ":5:25 servers[0].serviceMS: is not known here; known are name, count,",
    },
    {
      name: "a share of more than all",
      text: "name: x\nrequests: 1\nrequestsPerSecond: 1\nservers: [{ name: a, failureRate: 2 }]\ncandidates: [{ name: c }]\n",
      message: ":4:35 servers[0].failureRate: must be a number from 0 to 1, got 2",
    },
    {
      name: "a cluster that is refused",
      text: "{ name: x, requests: 1, requestsPerSecond: 1, servers: [{ name: a }], candidates: [{ name: c, cluster: { lb_policy: MAGLEV, maglev_lb_config: { table_size: 8 } } }] }",
      message: "candidates[0].cluster.maglev_lb_config.table_size: must be a prime number, got 8",
    },
  ])("a scenario with $name is one line and exit 2", async ({ text, message }) => {
    const { code, stderr } = await run("simulate", file("bad.yaml", text));
    expect(code).toBe(2);
    expect(stderr.split("\n")).toHaveLength(2);
    expect(stderr).toContain(message);
  });
});

const CONFIG = `
"@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
name: shop
type: STATIC
outlier_detection:
  consecutive_5xx: 5
load_assignment:
  cluster_name: shop
  endpoints:
  - lb_endpoints:
    - endpoint: { address: { socket_address: { address: 10.0.0.1, port_value: 80 } } }
    - endpoint: { address: { socket_address: { address: 10.0.0.2, port_value: 80 } } }
`;

test("a million requests over a thousand hosts take seconds, and the same seed gives the same bytes", () => {
  const scenario = {
    name: "big",
    requests: 1_000_000,
    requestsPerSecond: 100_000,
    servers: [{ name: "s", count: 1000, serviceMs: 5 }],
    candidates: [{ name: "least request", options: { policy: leastRequest() } }],
  };
  const report = simulate(scenario);
  expect(Object.values(report.candidates[0]?.requestsByHost ?? {}).reduce((sum, each) => sum + each, 0)).toBe(
    1_000_000,
  );
  const small = { ...scenario, requests: 20_000 };
  expect(JSON.stringify(simulate(small))).toBe(JSON.stringify(simulate(small)));
}, 30_000);

describe("weft-lb lint", () => {
  test("names place, cluster, field and consequence, and exits 1", async () => {
    const { code, stdout } = await run("lint", file("shop.yaml", CONFIG));
    expect(code).toBe(1);
    expect(stdout).toContain(
      "shop: outlier_detection.max_ejection_percent: warning: 2 hosts and 10 %: no host is ever ejected, the cap needs at least 10 hosts; always_eject_one_host allows one (nothing-ejected)",
    );
    expect(stdout).toMatch(/shop\.yaml:5:\d+ /);
  });

  test("what has no @type counts as a Cluster", async () => {
    const bare = "name: shop\ntype: STATIC\noutlier_detection: {}\n";
    const { code, stdout, stderr } = await run("lint", file("bare.yaml", bare));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/bare\.yaml:3:1 shop: outlier_detection\./);
    const typo = await run("lint", file("typo.yaml", "name: shop\nlb_polcy: RANDOM\n"));
    expect(typo.code).toBe(2);
    expect(typo.stderr).toMatch(/typo\.yaml:2:1 lb_polcy: envoy\.config\.cluster\.v3\.Cluster has no such field/);
  });

  test("notes alone exit 0, and names are not counted as hosts", async () => {
    const names = CONFIG.replace("STATIC", "STRICT_DNS").replaceAll(/10\.0\.0\.\d/g, "shop.example");
    const { code, stdout } = await run("lint", file("dns.yaml", names), "--json");
    expect(code).toBe(0);
    const findings = JSON.parse(stdout) as { rule: string; severity: string; line: number }[];
    expect(findings).toContainEqual(
      expect.objectContaining({ rule: "nothing-ejected", severity: "note", cluster: "shop", line: 5 }),
    );
    expect(findings.filter(({ severity }) => severity !== "note")).toEqual([]);
  });

  test("says with the caller's zones why zones are not looked at", async () => {
    const zoned = file("zoned.yaml", `${CONFIG}common_lb_config: { zone_aware_lb_config: {} }\n`);
    const { stdout } = await run("lint", zoned, "--zone", "a", "--callers", "a=2,b=2");
    expect(stdout).toContain("zones are not looked at, because the upstream has hosts in fewer than two zones");
  });

  test("a refused cluster is named with its place and exits 2", async () => {
    const { code, stderr } = await run(
      "lint",
      file("bad.yaml", `${CONFIG}lb_policy: MAGLEV\nmaglev_lb_config: { table_size: 8 }\n`),
    );
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /bad\.yaml:14:\d+ maglev_lb_config\.table_size: must be a prime number, got 8 \(ERR_LB_CONFIG_INVALID\)/,
    );
  });
});

describe("weft-lb", () => {
  const latin1 = join(folder, "latin1.yaml");
  const listener = file("listener.yaml", '"@type": type.googleapis.com/envoy.config.listener.v3.Listener\nname: l\n');
  writeFileSync(latin1, Buffer.from([0x61, 0xe9]));

  test.each([
    { name: "a file that is not there", argv: ["lint", join(folder, "none.yaml")], says: "no such file" },
    { name: "a folder", argv: ["lint", folder], says: "is a folder, not a file" },
    { name: "a binary file", argv: ["simulate", file("binary.yaml", "a\0b")], says: "is a binary file" },
    { name: "an unknown option", argv: ["lint", "-", "--nope"], says: "'--nope'" },
    { name: "a number that is none", argv: ["lint", file("n.yaml", ""), "--rps", "many"], says: "--rps: must be" },
    { name: "an unknown command", argv: ["simulat", "x.yaml"], says: 'unknown command "simulat"; try weft-lb --help' },
    { name: "a device without end", argv: ["lint", "/dev/zero"], says: "/dev/zero: more than 67108864 bytes" },
    { name: "text that is not UTF-8", argv: ["lint", latin1], says: "is not UTF-8" },
    { name: "an option of another command", argv: ["simulate", "x.yaml", "--rps", "1"], says: "'--rps'" },
    { name: "half a request", argv: ["simulate", "x.yaml", "--requests", "1.5"], says: "--requests: must be a whole" },
    { name: "no requests", argv: ["simulate", "x.yaml", "--requests", "0"], says: "--requests: must be a whole" },
    { name: "too many", argv: ["simulate", "x.yaml", "--requests", "1e12"], says: "from 1 to 20000000" },
    { name: "a picture without a name", argv: ["simulate", "x.yaml", "--svg="], says: "--svg: must name a file" },
    { name: "a file without clusters", argv: ["lint", listener], says: "listener.yaml: holds no Cluster" },
    { name: "callers that are none", argv: ["lint", "x.yaml", "--callers", "a"], says: "--callers: must be ZONE=" },
    { name: "no file", argv: ["lint"], says: "lint takes one file, got 0" },
    {
      name: "a picture that cannot be written",
      argv: ["simulate", join(scenarios, "drain.yaml"), "--requests", "10", "--svg", join(folder, "no", "x.svg")],
      says: "no such file or folder",
    },
  ])("$name is one line and exit 2", async ({ argv, says }) => {
    const { code, stderr } = await run(...argv);
    expect(code).toBe(2);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stderr).toContain(says);
    expect(stderr).not.toMatch(/ENOENT|EISDIR/);
  });

  test("--help and --version answer and exit 0", async () => {
    expect(await run("--help")).toMatchObject({ code: 0, stdout: expect.stringContaining("examples:") });
    expect(await run("help")).toEqual(await run("--help"));
    expect(await run("--version")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    expect(await run("simulate")).toMatchObject({ code: 2 });
    expect(await run()).toMatchObject({ code: 2, stderr: expect.stringContaining("usage: weft-lb simulate") });
  });

  test("the help of a command says what its input and its output look like", async () => {
    const simulated = await run("simulate", "--help");
    expect(simulated).toMatchObject({ code: 0, stderr: "" });
    const parts = ["servers:", "[failureRate: 0]", "candidates:", "requestsPerSecond", "least and most"];
    for (const part of parts) expect(simulated.stdout).toContain(part);
    const linted = await run("lint", "-h");
    expect(linted).toMatchObject({ code: 0, stderr: "" });
    for (const part of ["--callers", "severity", "exit 1"]) expect(linted.stdout).toContain(part);
  });
});

describe("the scenario in weft-lb simulate --help", () => {
  test("can be played, and shows the defaults", async () => {
    const { stdout } = await run("simulate", "--help");
    const lines = stdout.split("\n");
    const from = lines.indexOf("  name: one slow host");
    const shown = lines.slice(from, lines.indexOf("", from)).map((line) => line.slice(2));
    // What is in brackets is the default, so the scenario without it is the same.
    const plain = shown.filter((line) => !/^ *\[/.test(line)).join("\n");
    const spelt = shown.join("\n").replaceAll(/^( *)\[([^\]\n]*)\](.*)$/gm, "$1$2$3");
    expect(spelt).toContain("concurrency: 8");
    const [short, long] = [
      await run("simulate", file("short.yaml", plain), "--requests", "3000"),
      await run("simulate", file("long.yaml", spelt), "--requests", "3000"),
    ];
    expect(short).toMatchObject({ code: 0, stderr: "" });
    expect(long).toEqual(short);
  });
});
