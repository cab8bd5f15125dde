import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { main } from "../../packages/xds/src/cli/main.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "weft-xds-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function run(...argv: readonly string[]) {
  const abort = new AbortController();
  const out: string[] = [];
  const err: string[] = [];
  const waiting = new Set<() => void>();
  const note = (list: string[]) => (text: string) => {
    list.push(text);
    for (const look of [...waiting]) look();
  };
  const untilIn = (list: readonly string[], wanted: RegExp) =>
    new Promise<RegExpExecArray>((resolve) => {
      const look = (): void => {
        const found = wanted.exec(list.join(""));
        if (found === null) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  const exit = main({ argv, stdout: note(out), stderr: note(err), signal: abort.signal });
  return {
    exit,
    out: () => out.join(""),
    err: () => err.join(""),
    end: () => abort.abort(),
    /** Waits until stdout has a match. */
    until: (wanted: RegExp) => untilIn(out, wanted),
    /** Waits until stderr has a match. */
    untilError: (wanted: RegExp) => untilIn(err, wanted),
  };
}

const CLUSTER = `"@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
name: shop
type: STATIC
connect_timeout: 1s
`;

describe("weft-xds", () => {
  test("--help shows examples, --version the version", async () => {
    const help = run("--help");
    expect(await help.exit).toBe(0);
    expect(help.out()).toContain("weft-xds serve ./config");
    const version = run("--version");
    expect(await version.exit).toBe(0);
    expect(version.out()).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test.each([
    { name: "no command", argv: [], message: "a command is needed" },
    { name: "an unknown command", argv: ["sing"], message: 'no command "sing"' },
    { name: "no folder", argv: ["serve"], message: "one folder expected" },
    { name: "a folder that is not there", argv: ["serve", "/nowhere"], message: "/nowhere: no such folder or file" },
    { name: "a file in place of a folder", argv: ["serve", import.meta.filename], message: "a folder expected" },
    { name: "an unknown option", argv: ["serve", ".", "--loud"], message: "--loud" },
    {
      name: "a port that is none",
      argv: ["serve", "examples", "--listen", "127.0.0.1:99999"],
      message: "--listen 127.0.0.1:99999: host:port",
    },
    { name: "a server that is none", argv: ["watch", "nonsense", "cluster"], message: "watch: nonsense: host:port" },
    { name: "an empty journal", argv: ["replay", "/dev/null"], message: "/dev/null: there is nothing to replay" },
    { name: "a journal that is not there", argv: ["replay", "/nowhere"], message: "/nowhere: no such folder or file" },
    { name: "a folder in place of a journal", argv: ["replay", "/"], message: "/: is a folder, a file expected" },
    { name: "no type", argv: ["watch", "127.0.0.1:1"], message: "a server and a type expected" },
    { name: "an unknown type", argv: ["watch", "127.0.0.1:1", "XDS"], message: 'no type "XDS"' },
  ])("$name is one line and status 2", async ({ argv, message }) => {
    const program = run(...argv);
    expect(await program.exit).toBe(2);
    expect(program.err().split("\n")[0]).toContain(message);
    if (argv.length > 1) expect(program.err().split("\n")).toHaveLength(2);
    expect(program.out()).toBe("");
  });

  test("a server that cannot be reached is told once a try, in whole milliseconds, on stderr", async () => {
    const program = run("watch", `unix:${join(folder, "nobody.sock")}`, "cluster");
    await program.untilError(/next attempt/);
    program.end();
    expect(await program.exit).toBe(0);
    expect(program.err()).toMatch(/^\S+nobody\.sock: the server cannot be reached; next attempt in \d+ ms\n$/);
    expect(program.out()).toBe("");
  });

  test.each(["serve", "watch", "monitor", "replay", "plan"])("%s --help teaches with an example", async (command) => {
    const help = run(command, "--help");
    expect(await help.exit).toBe(0);
    expect(help.out()).toMatch(new RegExp(`^usage: weft-xds ${command} `));
    expect(help.out()).toMatch(/\nExamples?:\n {2}weft-xds /);
  });

  test("monitor relays, writes a journal that replays, and counts breaches", async () => {
    writeFileSync(join(folder, "a.yaml"), CLUSTER);
    const served = run("serve", folder, "--listen", "127.0.0.1:0", "--rest", "127.0.0.1:0");
    const [, upstream = ""] = await served.until(/resources on (\S+)/);
    const [, rest = ""] = await served.until(/REST on (\S+)/);
    const fetched = await fetch(`http://${rest}/v3/discovery:clusters`, {
      method: "POST",
      body: '{"node":{"id":"n"}}',
    });
    expect(await fetched.json()).toMatchObject({ resources: [{ name: "shop" }] });
    const journal = join(folder, "journal.jsonl");
    const monitored = run("monitor", upstream, "--listen", "127.0.0.1:0", "--journal", journal, "--strict");
    const [, address = ""] = await monitored.until(/relaying (\S+) to/);
    const watching = run("watch", address, "cluster");
    await watching.until(/~ shop/);
    watching.end();
    await watching.exit;
    monitored.end();
    expect(await monitored.exit).toBe(0);
    expect(monitored.out()).toContain("0 breaches");
    served.end();
    await served.exit;
    const replayed = run("replay", journal);
    expect(await replayed.exit).toBe(0);
    expect(replayed.out()).toBe("1 responses, 0 differ\n");
    const broken = run("replay", join(folder, "a.yaml"));
    expect(await broken.exit).toBe(2);
    expect(broken.err()).toContain("a.yaml:1: not a line of a journal");
  });

  test("plan prints the phases between two folders", async () => {
    const [from, to] = ["from", "to"].map((name) => join(folder, name));
    for (const each of [from, to]) mkdirSync(each ?? "");
    writeFileSync(join(from ?? "", "a.yaml"), CLUSTER);
    writeFileSync(join(to ?? "", "a.yaml"), CLUSTER.replace("shop", "market"));
    const planned = run("plan", from ?? "", to ?? "");
    expect(await planned.exit).toBe(0);
    expect(planned.out()).toContain(
      "phase 1, add, then wait for CDS to be acknowledged, at most 5 s\n  + CDS market\n",
    );
    expect(planned.out()).toContain("phase 2, remove\n  - CDS shop\n");
    expect(await run("plan", from ?? "").exit).toBe(2);
  });

  test("a problem in a file has file, line, column, path and code, and status 2", async () => {
    const file = join(folder, "shop.yaml");
    writeFileSync(file, CLUSTER.replace("1s", "soon"));
    const program = run("serve", folder);
    expect(await program.exit).toBe(2);
    expect(program.err()).toMatch(new RegExp(`^${file}:4:\\d+ connect_timeout: .* \\(ERR_XDS_TYPES_\\w+\\)\n`));
  });

  test("two resources of one name are refused with both places", async () => {
    writeFileSync(join(folder, "a.yaml"), CLUSTER);
    writeFileSync(join(folder, "b.yaml"), CLUSTER);
    const program = run("serve", folder);
    expect(await program.exit).toBe(2);
    expect(program.err()).toContain("b.yaml:1:1 shop: a second one of this name, the first is at");
  });

  test("a binary file is one clear line", async () => {
    writeFileSync(join(folder, "a.yaml"), Buffer.from([0, 1, 2]));
    const program = run("serve", folder);
    expect(await program.exit).toBe(2);
    expect(program.err()).toBe(`${join(folder, "a.yaml")}: is binary, YAML or JSON expected\n`);
  });

  test("a change of the files reaches a watching client, and a broken one changes nothing", {
    timeout: 20_000,
  }, async () => {
    const file = join(folder, "shop.yaml");
    writeFileSync(file, CLUSTER);
    const server = run("serve", folder, "--listen", "127.0.0.1:0");
    const [, address = ""] = await server.until(/serving 1 resources on (\S+)/);
    const client = run("watch", address, "CDS", "--json");
    await client.until(/"kind":"updated","name":"shop".*"connect_timeout":"1s"/);
    writeFileSync(file, CLUSTER.replace("1s", "2s"));
    await client.until(/"connect_timeout":"2s"/);
    await server.until(/weft-xds accepted CDS \S+\n[\s\S]*weft-xds accepted CDS/);
    writeFileSync(file, "nonsense");
    while (!server.err().includes("nothing was published")) await new Promise((resolve) => setTimeout(resolve, 10));
    client.end();
    expect(await client.exit).toBe(0);
    server.end();
    expect(await server.exit).toBe(0);
  });
});
