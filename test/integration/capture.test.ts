/** The last step of the story as a test of its own: where namespaces are to be had, it must hold, not be skipped over. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repositoryRoot } from "../conformance/suite.js";
import { skipReason } from "../peers/requirement.js";

test("an application in a namespace of its own is captured, and nothing is left afterwards", async (context) => {
  const reason = skipReason("netns");
  context.skip(reason !== undefined, reason);
  const main = join(repositoryRoot, "examples/mesh/dist/main.js");
  const child = spawn(process.execPath, [main, "--only", "capture", "--json"], { cwd: repositoryRoot });
  let stdout = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  expect(JSON.parse(stdout).steps).toMatchObject([{ name: "capture", outcome: "held", failures: [], requests: 40 }]);
  expect(code).toBe(0);
});
