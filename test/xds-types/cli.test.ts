import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
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
  const read = (file: string): string => (file === "-" ? stdin : surroundings.read(file));
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

  test.each([
    { name: "a file that is not there", argv: ["validate", join(folder, "none")], says: "no such file" },
    { name: "a folder", argv: ["validate", folder], says: "is a directory" },
    { name: "a binary file", argv: ["validate", file("b", Uint8Array.of(0, 1, 2))], says: "is binary" },
    { name: "a command there is not", argv: ["valid", "x"], says: "there is no command valid" },
    { name: "a flag there is not", argv: ["validate", "--nope", "x"], says: "--nope" },
    { name: "a form there is not", argv: ["convert", "-", "--to", "toml"], says: "yaml, json or binary" },
  ])("$name is one clear line and exit 2", async ({ argv, says }) => {
    const { code, err } = await run(argv, "'@type': x/envoy.config.cluster.v3.Cluster\nname: c");
    expect(code).toBe(2);
    expect(err).toContain(says);
  });
});
