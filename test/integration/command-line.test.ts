/** What `npx pnpm start` says and does when things are not as they should be. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { repositoryRoot } from "../conformance/suite.js";

const MAIN = join(repositoryRoot, "examples/mesh/dist/main.js");
const CONFIG = join(repositoryRoot, "examples/mesh/config");
const NOBODY = 65534;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

function start(
  args: readonly string[],
  user?: number,
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const identity = user === undefined ? {} : { uid: user, gid: user };
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: repositoryRoot, ...identity });
  cleanups.push(() => child.kill("SIGKILL"));
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Ended>((resolve) => child.on("close", (code) => resolve({ code, stdout, stderr })));
  return { child, ended };
}

/** A copy of the configuration with one file changed. */
function configWith(file: string, change: (text: string) => string): string {
  const folder = mkdtempSync(join(tmpdir(), "weftmesh-config-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(CONFIG, folder, { recursive: true });
  const text = readFileSync(join(CONFIG, file), "utf8");
  const changed = change(text);
  expect(changed).not.toBe(text);
  writeFileSync(join(folder, file), changed);
  return folder;
}

describe("a configuration that is not in order", () => {
  test.each([
    {
      name: "a value of the wrong type",
      file: "clusters.yaml",
      change: (text: string) => text.replace("consecutive_5xx: 5", "consecutive_5xx: five"),
      line: /clusters\.yaml:\d+:\d+ outlier_detection\.consecutive_5xx: .*"five"/,
    },
    {
      name: "a field that does not exist",
      file: "routes.yaml",
      change: (text: string) => text.replace("route: { cluster: ratings }", "route: { clustr: ratings }"),
      line: /routes\.yaml:\d+:\d+ virtual_hosts\[2\]\.routes\[0\]\.route\.clustr: /,
    },
    {
      name: "a cluster that does not exist",
      file: "routes.yaml",
      change: (text: string) => text.replace("route: { cluster: ratings }", "route: { cluster: rating }"),
      line: /routes\.yaml:\d+:\d+ virtual_hosts\[2\]\.routes\[0\]\.route\.cluster: .*"rating"/,
    },
    {
      name: "a cluster that does not exist, in a step of the story",
      file: "story/canary.yaml",
      change: (text: string) => text.replace("name: reviews-v2, weight", "name: nowhere, weight"),
      line: /canary\.yaml:\d+:\d+ routes\[0\]\.route\.weighted_clusters\.clusters\[\d\]\.name: .*"nowhere"/,
    },
    {
      name: "a second resource of a name",
      file: "clusters.yaml",
      change: (text: string) => text.replace("name: catalog\n", "name: ratings\n"),
      line: /clusters\.yaml:\d+:\d+ name: there is another envoy\.config\.cluster\.v3\.Cluster of the name ratings/,
    },
    {
      name: "a pattern that only compiling finds",
      file: "story/header.yaml",
      change: (text: string) => text.replace("exact: jason", 'safe_regex: { regex: "a(" }'),
      line: /header\.yaml:\d+:\d+ routes\[0\]\.match\.headers\[0\]\.string_match\.safe_regex\.regex: /,
    },
    {
      name: "text that is not YAML",
      file: "endpoints.yaml",
      change: (text: string) => `${text}---\n[`,
      line: /endpoints\.yaml:\d+:\d+: /,
    },
  ])(
    "$name is shown with file, line, column, field path and reason, and ends with 2",
    async ({ file, change, line }) => {
      const { code, stdout, stderr } = await start(["--config", configWith(file, change)]).ended;
      expect(stderr).toMatch(line);
      expect(stdout).toBe("");
      expect(code).toBe(2);
    },
  );
});

describe("a configuration that cannot be read", () => {
  test.each(["/nowhere", "/dev/null"])("%s in place of the folder is one line, and ends with 2", async (folder) => {
    const { code, stderr } = await start(["--config", folder]).ended;
    expect(stderr).toBe(`${folder}: cannot be read as a folder\n`);
    expect(code).toBe(2);
  });

  test.each([
    { name: "a binary file", text: "\u0000\u0001", line: "clusters.yaml: is binary, YAML expected" },
    { name: "a tab", text: "name: a\n\ttype: b\n", line: "clusters.yaml:2:1: Tabs are not allowed" },
  ])("$name is one line, and ends with 2", async ({ text, line }) => {
    const { code, stderr } = await start(["--config", configWith("clusters.yaml", () => text)]).ended;
    expect(stderr).toContain(line);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(code).toBe(2);
  });
});

test("an identity that nobody gives is one line, and ends with 1", () => {
  const program = join(repositoryRoot, "packages/cert/bin/weft-cert.js");
  const args = [program, "fetch", "--address", "unix:///nowhere/api.sock", "--timeout", "1"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 30_000 });
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^unix:\/\/\/nowhere\/api\.sock: [^\n]+\n$/);
  expect(status).toBe(1);
});

describe("arguments that are none", () => {
  test.each([
    { args: ["--only", "canaries"], line: /^--only canaries: expected one of canary, header, / },
    { args: ["--fast"], line: /'--fast'/ },
  ])("$args are explained in one line, and end with 2", async ({ args, line }) => {
    const { code, stderr } = await start(args).ended;
    expect(stderr).toMatch(line);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(code).toBe(2);
  });
});

test("a port that is taken is named in one line, and ends with 1", async () => {
  const server = createServer().listen(20306, "127.0.0.1");
  cleanups.push(() => void server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  const { code, stderr } = await start([]).ended;
  expect(stderr).toMatch(/^port 20306, wanted for catalog's inbound, cannot be bound \(EADDRINUSE\)/);
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(code).toBe(1);
});

function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
}

describe("--serve", () => {
  test("starts a process that fell over again, and leaves none behind after Ctrl-C", async () => {
    const { child, ended } = start(["--serve"]);
    const said = (text: string): Promise<void> =>
      new Promise((resolve) => {
        let all = "";
        child.stdout?.on("data", (chunk) => {
          all += chunk;
          if (all.includes(text)) resolve();
        });
      });
    await said("Ctrl-C ends it.");
    const children = childrenOf(child.pid ?? 0);
    expect(children.length).toBe(15);

    const fallen = said("starting it again");
    process.kill(children.at(-1) ?? 0, "SIGKILL");
    await fallen;

    child.kill("SIGINT");
    const { code } = await ended;
    expect(code).toBe(130);
    expect(children.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
  });
});

/** Waits until a program has so many children. */
async function haveChildren(pid: number, count: number): Promise<readonly number[]> {
  for (;;) {
    const children = childrenOf(pid);
    if (children.length >= count) return children;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("a run that is cut short", () => {
  test("Ctrl-C while the processes start leaves none behind", async () => {
    const { child, ended } = start([]);
    const children = await haveChildren(child.pid ?? 0, 5);
    child.kill("SIGINT");
    const { code, stdout } = await ended;
    expect(stdout).toContain("interrupted");
    expect(code).toBe(130);
    expect(children.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
  });

  test("a process that falls over ends the story with one line that names it, and leaves none behind", async () => {
    const { child, ended } = start(["--only", "rotation"]);
    const children = await haveChildren(child.pid ?? 0, 15);
    const authority = children.find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("authority")) ?? 0;
    process.kill(authority, "SIGKILL");
    const { code, stderr } = await ended;
    expect(stderr).toBe("certificate authority ended by SIGKILL\n");
    expect(code).toBe(1);
    expect(children.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
  });
});

/** Whether the user nobody can run the program: every folder above it must let everybody through. */
function readableByNobody(): boolean {
  return spawnSync(process.execPath, [MAIN, "--help"], { uid: NOBODY, gid: NOBODY }).status === 0;
}

test("an ordinary user sees the story without its last step, with the reason, and exit code 0", async (context) => {
  context.skip(process.getuid?.() === 0 && !readableByNobody(), "the checkout cannot be read by the user nobody");
  const { ended } = start(["--only", "header,capture", "--json"], process.getuid?.() === 0 ? NOBODY : undefined);
  const { code, stdout } = await ended;
  const { ok, steps } = JSON.parse(stdout);
  expect(steps).toMatchObject([
    { name: "header", outcome: "held", requests: 600 },
    { name: "capture", outcome: "not shown", measured: expect.stringContaining("not root") },
  ]);
  expect(ok).toBe(true);
  expect(code).toBe(0);
});
