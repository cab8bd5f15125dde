import { parseArgs } from "node:util";
import { stringify } from "yaml";
import { formatIssue } from "../errors.js";
import { messageType } from "../message-type.js";
import { type ParsedResources, parseResources } from "../parse-resources.js";
import type { Resource } from "../resource.js";
import type { LocatedIssue } from "../text/document.js";
import { typeNameOf } from "../type-url.js";
import { help, version } from "./help.js";
import type { Surroundings } from "./surroundings.js";

/** Wrong use of the command: one line and exit 2. */
class UsageError extends Error {}

/**
 * `weft-types`: validates and converts xDS resources.
 *
 * @returns The exit code: 0 in order, 1 problems found, 2 wrong use or an unreadable file.
 */
export async function main(argv: readonly string[], world: Surroundings): Promise<number> {
  try {
    return run(argv, world);
  } catch (error) {
    world.err(`weft-types: ${(error as Error).message}\n`);
    if (error instanceof UsageError) world.err("weft-types: see --help\n");
    return 2;
  }
}

function run(argv: readonly string[], world: Surroundings): number {
  const { values, positionals } = readArguments(argv);
  if (values.version) {
    world.out(`${version}\n`);
    return 0;
  }
  const [command, ...files] = positionals;
  if (values.help || command === undefined) {
    world.out(help);
    return values.help ? 0 : 2;
  }
  if (command !== "validate" && command !== "convert") throw new UsageError(`there is no command ${command}`);
  if (files.length === 0) throw new UsageError(`${command} needs a file, or - for standard input`);
  const type = values.type;
  const parsed = files.map((file) =>
    parseResources(world.read(file), { file, ...(type === undefined ? {} : { type }) }),
  );
  if (command === "validate") return validate(parsed, values.json === true, world);
  return convert(parsed, values.to ?? "yaml", world);
}

interface Arguments {
  readonly values: {
    readonly help?: boolean;
    readonly version?: boolean;
    readonly json?: boolean;
    readonly type?: string;
    readonly to?: string;
  };
  readonly positionals: readonly string[];
}

function readArguments(argv: readonly string[]): Arguments {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        help: { type: "boolean", short: "h" },
        version: { type: "boolean" },
        json: { type: "boolean" },
        type: { type: "string" },
        to: { type: "string" },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function validate(parsed: readonly ParsedResources[], json: boolean, world: Surroundings): number {
  const issues = parsed.flatMap((one) => one.issues);
  const resources = parsed.flatMap((one) => one.resources);
  const errors = issues.filter((issue) => issue.severity !== "warning").length;
  if (json) {
    const named = resources.map(({ typeUrl, name }) => ({ typeUrl, name }));
    world.out(`${JSON.stringify({ resources: named, issues }, undefined, 2)}\n`);
  } else {
    for (const issue of issues) world.err(`${line(issue)}\n`);
    world.out(`${resources.length} in order, ${errors} errors, ${issues.length - errors} warnings\n`);
  }
  return errors === 0 ? 0 : 1;
}

function line(issue: LocatedIssue): string {
  const severity = issue.severity === "warning" ? "warning: " : "";
  return `${issue.file}:${issue.line}:${issue.column} ${severity}${formatIssue(issue)}`;
}

function convert(parsed: readonly ParsedResources[], to: string, world: Surroundings): number {
  const errors = parsed.flatMap((one) => one.issues).filter((issue) => issue.severity !== "warning");
  for (const issue of errors) world.err(`${line(issue)}\n`);
  if (errors.length > 0) return 1;
  const resources = parsed.flatMap((one) => one.resources);
  switch (to) {
    case "yaml":
      world.out(resources.map((resource) => stringify(written(resource))).join("---\n"));
      return 0;
    case "json":
      world.out(`${JSON.stringify(resources.map(written), undefined, 2)}\n`);
      return 0;
    case "binary": {
      const [first, ...rest] = resources;
      if (first === undefined || rest.length > 0)
        throw new UsageError("binary holds one resource, and there are more or none");
      world.out(messageType(typeNameOf(first.typeUrl)).encode(first.message));
      return 0;
    }
    default:
      throw new UsageError(`cannot convert to ${to}: yaml, json or binary`);
  }
}

function written({ typeUrl, message }: Resource): object {
  const json = messageType(typeNameOf(typeUrl)).toJson(message, { fieldNames: "snake_case" });
  return { "@type": typeUrl, ...(json as object) };
}
