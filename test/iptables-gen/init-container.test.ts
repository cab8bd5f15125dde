import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, expect, it } from "vitest";
import { main } from "../../packages/iptables-gen/src/cli/main.js";
import { makeNamespace, noNamespaces } from "./namespace.js";

const EXAMPLE = new URL("../../examples/init-container/", import.meta.url).pathname;
const BIN = new URL("../../packages/iptables-gen/bin/weft-iptables.js", import.meta.url).pathname;

/** The arguments of the first container of a pod file: a list of lines, or one in brackets. */
function argsOf(file: string): readonly string[] {
  const text = readFileSync(join(EXAMPLE, file), "utf8");
  const unquote = (word: string): string => word.replace(/^"(.*)"$/, "$1");
  const inline = /^ +args: \[(.*)\]$/m.exec(text)?.[1];
  if (inline !== undefined) return inline.split(", ").map(unquote);
  const block = /^ +args:\n((?: +- .*\n)+)/m.exec(text)?.[1] ?? "";
  return [...block.matchAll(/^ +- (.*)$/gm)].map(([, word = ""]) => unquote(word));
}

describe("the init container", () => {
  it("takes the arguments the injector passes", async () => {
    let stdout = "";
    const code = await main({
      name: "weft-iptables",
      argv: [...argsOf("pod.yaml"), "-n", "--host-ip", "10.0.0.5"],
      env: {},
      stdout: (text) => {
        stdout += text;
      },
      stderr: () => {},
    });
    expect(code).toBe(0);
    expect(stdout).toContain("-A ISTIO_INBOUND -p tcp --dport 15020 -j RETURN");
    expect(stdout).toContain("-A ISTIO_OUTPUT -j ISTIO_REDIRECT");
  });

  describe.skipIf(noNamespaces !== undefined)(`in a pod (${noNamespaces ?? "a namespace made by the test"})`, () => {
    it("applies; validated as another user than the proxy it ends with 126 and the way of the probe", () => {
      using namespace = makeNamespace();
      const call = (args: readonly string[]) => {
        const inside = [`--net=/run/netns/${namespace.name}`, "--", process.execPath, BIN, ...args];
        return spawnSync("nsenter", inside, { encoding: "utf8", timeout: 60_000 });
      };
      expect(call(argsOf("pod.yaml")).status).toBe(0);
      expect(namespace.snapshot()).toContain("-A ISTIO_OUTPUT -j ISTIO_REDIRECT");
      const asRoot = call([...argsOf("validate.yaml"), "--probe-timeout", "100ms"]);
      expect(asRoot.status).toBe(126);
      expect(asRoot.stderr).toContain("iptables validation failed; workload is not ready for Istio");
      expect(asRoot.stdout).toContain("what user 0 sends to 127.0.0.6 is not captured");
      expect(asRoot.stdout).toContain("-A ISTIO_OUTPUT -o lo -m owner ! --uid-owner 1337 -j RETURN");
    }, 120_000);

    it("a CNI plugin calls it as often as it likes", () => {
      using namespace = makeNamespace();
      const call = () =>
        spawnSync(process.execPath, [join(EXAMPLE, "cni-call.mjs"), `/run/netns/${namespace.name}`, "10.77.0.1"], {
          encoding: "utf8",
          timeout: 60_000,
        });
      expect(call().status).toBe(0);
      const once = namespace.snapshot();
      expect(once).toContain("ISTIO_INBOUND");
      const again = call();
      expect(again.stderr).toContain("The rules are in place already.");
      expect(namespace.snapshot()).toBe(once);
    }, 120_000);

    it("a machine has its traffic captured while the proxy runs, and is left as it was", () => {
      using namespace = makeNamespace();
      const dir = mkdtempSync(join(tmpdir(), "weft-vm-"));
      try {
        const program = join(dir, "weft-iptables");
        writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`);
        // Machines name the proxy's user as they like; here it is the one every Debian has.
        const script = readFileSync(join(EXAMPLE, "vm.sh"), "utf8").replaceAll(/\bproxy\b(?=[) ]| --)/g, "nobody");
        writeFileSync(join(dir, "vm.sh"), script.replace("--regid nobody", "--regid nogroup"));
        chmodSync(program, 0o755);
        const path = `${dir}${delimiter}${process.env["PATH"]}`;
        const inside = [`--net=/run/netns/${namespace.name}`, "--", "sh", join(dir, "vm.sh"), "sh", "-c", "id -un"];
        const ran = spawnSync("nsenter", inside, {
          encoding: "utf8",
          timeout: 90_000,
          env: { ...process.env, PATH: path },
        });
        expect(ran.status, ran.stdout + ran.stderr).toBe(0);
        expect(ran.stdout).toContain("\nnobody\n");
        expect(ran.stdout).toContain("Removed all rules, routes and addresses.");
        expect(namespace.snapshot()).not.toContain("ISTIO_");
      } finally {
        rmSync(dir, { recursive: true });
      }
    }, 120_000);
  });
});
