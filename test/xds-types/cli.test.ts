import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { main } from "../../packages/xds-types/src/cli/main.js";
import { surroundings } from "../../packages/xds-types/src/cli/surroundings.js";

const folder = mkdtempSync(join(tmpdir(), "weft-types-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function run(argv: readonly string[], stdin = ""): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const read = (file: string): Uint8Array => (file === "-" ? Buffer.from(stdin) : surroundings.read(file));
  const code = await main(argv, { out: (text) => (out += text), err: (text) => (err += text), read });
  return { code, out, err };
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe("weft-types", () => {
  test("validate says what is wrong and where, and exits 1", async () => {
    const path = file("r.yaml", "name: a\nvirtual_hosts:\n- name: v\n  domains: []\n");
    const { code, out, err } = await run(["validate", path, "--type", "envoy.config.route.v3.RouteConfiguration"]);
    expect(code).toBe(1);
    expect(err).toBe(`${path}:4:3 virtual_hosts[0].domains: needs at least 1 items, has 0 (ERR_XDS_TYPES_RULE)\n`);
    expect(out).toBe("0 in order, 1 errors, 0 warnings\n");
  });

  test.each(["yaml", "text", "binary"])("no input is a problem: %s", async (from) => {
    const { code, err } = await run(["validate", "-", "--from", from]);
    expect(code).toBe(1);
    expect(err).toMatch(/^-:1:1 .*\(ERR_XDS_TYPES_RESOURCE\)\n$/);
  });

  test("what never ends is read up to the limit", async () => {
    const { code, err } = await run(["validate", "/dev/zero"]);
    expect({ code, err }).toEqual({ code: 2, err: "weft-types: /dev/zero: has more than 67108864 bytes, the limit\n" });
  });

  test("validate --json prints data", async () => {
    const { code, out } = await run(["validate", "-", "--json"], '{"static_resources":{"clusters":[{"name":"c"}]}}');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({
      resources: [{ typeUrl: "type.googleapis.com/envoy.config.cluster.v3.Cluster", name: "c" }],
      issues: [],
    });
  });

  test("convert writes YAML in the proto's spelling", async () => {
    const { code, out } = await run(
      ["convert", "-"],
      '{"static_resources":{"clusters":[{"name":"c","connectTimeout":"1s"}]}}',
    );
    expect(code).toBe(0);
    expect(out).toBe('"@type": type.googleapis.com/envoy.config.cluster.v3.Cluster\nname: c\nconnect_timeout: 1s\n');
  });

  const broken = "'@type': x/envoy.config.cluster.v3.Cluster\nname: c\nconnect_timeout: 0s\n";

  test("validate prints annotations for GitHub", async () => {
    const { code, out } = await run(["validate", "-", "--format", "github"], broken);
    expect(code).toBe(1);
    expect(out).toBe(
      "::error file=-,line=3,col=1,title=ERR_XDS_TYPES_RULE::connect_timeout: must be greater than 0s, is 0s (ERR_XDS_TYPES_RULE)\n",
    );
  });

  test("validate prints SARIF 2.1.0", async () => {
    const { code, out } = await run(["validate", "-", "--format", "sarif"], broken);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      version: "2.1.0",
      runs: [
        {
          tool: { driver: { name: "weft-types", rules: [{ id: "ERR_XDS_TYPES_RULE" }] } },
          results: [
            {
              ruleId: "ERR_XDS_TYPES_RULE",
              level: "error",
              locations: [{ physicalLocation: { region: { startLine: 3, startColumn: 1 } } }],
            },
          ],
        },
      ],
    });
  });

  test("patterns stand for files, also in folders below", async () => {
    const nested = join(folder, "glob", "deep");
    mkdirSync(nested, { recursive: true });
    const text = "'@type': x/envoy.config.cluster.v3.Cluster\nname: ";
    file("glob/a.yaml", `${text}a`);
    file("glob/deep/b.yaml", `${text}b`);
    file("glob/c.txt", "no");
    const names = async (pattern: string): Promise<readonly string[]> => {
      const { code, out } = await run(["validate", join(folder, pattern), "--json"]);
      expect(code).toBe(0);
      return (JSON.parse(out) as { resources: { name: string }[] }).resources.map(({ name }) => name);
    };
    expect(await names("glob/*.yaml")).toEqual(["a"]);
    expect(await names("glob/**/?.yaml")).toEqual(["a", "b"]);
    expect((await run(["validate", join(folder, "glob/*.json")])).code).toBe(2);
  });

  test("diff speaks of resources and fields, and withholds what is sensitive", async () => {
    const type = "type.googleapis.com/envoy";
    const secret = (key: string): string =>
      `---\n"@type": ${type}.extensions.transport_sockets.tls.v3.Secret\nname: s\ntls_certificate: { private_key: { inline_string: ${key} } }\n`;
    const clusters = (timeout: string, name: string): string =>
      `"@type": ${type}.config.cluster.v3.Cluster\nname: c\nconnect_timeout: ${timeout}\n---\n"@type": ${type}.config.cluster.v3.Cluster\nname: ${name}\n`;
    const before = file("before.yaml", clusters("1s", "old") + secret("hunter2"));
    const after = file("after.yaml", clusters("2s", "new") + secret("hunter3"));
    const { code, out, err } = await run(["diff", before, after]);
    expect(err).toBe("");
    expect(code).toBe(1);
    const withheld = '"(withheld: the field is sensitive)"';
    expect(out).toBe(
      [
        'changed envoy.config.cluster.v3.Cluster "c"',
        '  connect_timeout: "1s" → "2s"',
        'removed envoy.config.cluster.v3.Cluster "old"',
        'changed envoy.extensions.transport_sockets.tls.v3.Secret "s"',
        `  tls_certificate.private_key: ${withheld} → ${withheld}`,
        'added envoy.config.cluster.v3.Cluster "new"',
        "",
      ].join("\n"),
    );
    expect(await run(["diff", before, before])).toEqual({ code: 0, out: "", err: "" });
    expect((await run(["diff", before])).code).toBe(2);
  });

  test.each([
    { name: "a file that is not there", argv: ["validate", join(folder, "none")], says: "no such file" },
    { name: "a folder", argv: ["validate", folder], says: "is a directory" },
    { name: "a binary file", argv: ["validate", file("b", Uint8Array.of(0, 1, 2))], says: "is binary" },
    { name: "a text that is not UTF-8", argv: ["validate", file("l1.yaml", Uint8Array.of(97, 0xe9))], says: "UTF-8" },
    { name: "a language there is not", argv: ["validate", "--from", "toml", "-"], says: "yaml (json is a part of it)" },
    { name: "standard input twice", argv: ["diff", "-", "-"], says: "once" },
    { name: "a command there is not", argv: ["valid", "x"], says: "there is no command valid" },
    { name: "a flag there is not", argv: ["validate", "--nope", "x"], says: "--nope" },
    { name: "a form there is not", argv: ["convert", "-", "--to", "toml"], says: "yaml, json, text or binary" },
  ])("$name is one clear line and exit 2", async ({ argv, says }) => {
    const { code, err } = await run(argv, "'@type': x/envoy.config.cluster.v3.Cluster\nname: c");
    expect(code).toBe(2);
    expect(err).toContain(says);
    expect(err.replace("weft-types: see --help\n", "")).toMatch(/^weft-types: [^\n]*\n$/);
  });
});
