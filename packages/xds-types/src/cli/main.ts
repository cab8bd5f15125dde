import { parseArgs } from "node:util";
import { messageDescriptor } from "../descriptor.js";
import { diffResources, type FieldChange } from "../diff.js";
import type { JsonObject } from "../message.js";
import { messageType } from "../message-type.js";
import { type ParsedResources, type ParseOptions, parseBinary, parseResources } from "../parse-resources.js";
import type { Resource } from "../resource.js";
import { writeTextProto } from "../text/write-text-proto.js";
import { writeYaml } from "../text/write-yaml.js";
import { typeNameOf } from "../type-url.js";
import { expandGlob } from "./glob.js";
import { help, version } from "./help.js";
import { githubAnnotation, issueLine, type ReportFormat, reportFormats, sarifLog } from "./report.js";
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
  const [command, ...patterns] = positionals;
  if (values.help || command === undefined) {
    world.out(help);
    return values.help ? 0 : 2;
  }
  if (command !== "validate" && command !== "convert" && command !== "diff") {
    throw new UsageError(`there is no command ${command}`);
  }
  if (patterns.length === 0) throw new UsageError(`${command} needs a file, or - for standard input`);
  if (patterns.filter((each) => each === "-").length > 1) throw new UsageError("standard input can be read once only");
  const format = values.json === true ? "json" : (values.format ?? "text");
  if (!isReportFormat(format)) throw new UsageError(`cannot report as ${format}: ${reportFormats.join(", ")}`);
  if (values.from !== undefined && !["yaml", "text", "binary"].includes(values.from)) {
    throw new UsageError(`cannot read ${values.from}: yaml (json is a part of it), text or binary`);
  }
  const read = (pattern: string): ParsedResources[] => readAll(pattern, values, world);
  switch (command) {
    case "validate":
      return validate(patterns.flatMap(read), format, world);
    case "convert":
      return convert(patterns.flatMap(read), values.to ?? "yaml", world);
    case "diff": {
      const [before, after, ...rest] = patterns;
      if (before === undefined || after === undefined || rest.length > 0) {
        throw new UsageError("diff needs two files or patterns");
      }
      return diff(read(before), read(after), format, world);
    }
  }
}

function isReportFormat(text: string): text is ReportFormat {
  return (reportFormats as readonly string[]).includes(text);
}

// pb and pb_text are what Envoy itself calls them.
const textProto = /\.(?:textproto|txtpb|pbtxt|pb_text)$/;
const binary = /\.(?:binpb|pb)$/;

function readAll(pattern: string, { type, from }: Arguments["values"], world: Surroundings): ParsedResources[] {
  const files = expandGlob(pattern);
  if (files.length === 0) throw new UsageError(`${pattern}: no such file`);
  return files.map((file) => {
    const language = from ?? (textProto.test(file) ? "text" : binary.test(file) ? "binary" : "yaml");
    const syntax = language === "text" ? "text-proto" : "yaml";
    const options: ParseOptions = { file, syntax, ...(type === undefined ? {} : { type }) };
    const bytes = world.read(file);
    return language === "binary" ? parseBinary(bytes, options) : parseResources(textOf(bytes, file), options);
  });
}

function textOf(bytes: Uint8Array, file: string): string {
  if (!bytes.includes(0)) {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      // Told below.
    }
  }
  throw new Error(`${file}: is binary, expected UTF-8 text; --from binary reads a message in the wire format`);
}

interface Arguments {
  readonly values: {
    readonly help?: boolean;
    readonly version?: boolean;
    readonly json?: boolean;
    readonly type?: string;
    readonly to?: string;
    readonly from?: string;
    readonly format?: string;
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
        from: { type: "string" },
        format: { type: "string" },
      },
    });
  } catch (error) {
    // Node's words, up to the advice that follows them.
    throw new UsageError((error as Error).message.split(/\.\s|\n/)[0]);
  }
}

function validate(parsed: readonly ParsedResources[], format: ReportFormat, world: Surroundings): number {
  const issues = parsed.flatMap((one) => one.issues);
  const resources = parsed.flatMap((one) => one.resources);
  const errors = issues.filter((issue) => issue.severity !== "warning").length;
  switch (format) {
    case "json": {
      const named = resources.map(({ typeUrl, name }) => ({ typeUrl, name }));
      world.out(`${JSON.stringify({ resources: named, issues }, undefined, 2)}\n`);
      break;
    }
    case "sarif":
      world.out(`${JSON.stringify(sarifLog(issues), undefined, 2)}\n`);
      break;
    case "github":
      for (const issue of issues) world.out(`${githubAnnotation(issue)}\n`);
      break;
    case "text":
      for (const issue of issues) world.err(`${issueLine(issue)}\n`);
      world.out(`${resources.length} in order, ${errors} errors, ${issues.length - errors} warnings\n`);
  }
  return errors === 0 ? 0 : 1;
}

function diff(
  before: readonly ParsedResources[],
  after: readonly ParsedResources[],
  format: ReportFormat,
  world: Surroundings,
): number {
  const errors = [...before, ...after].flatMap((one) => one.issues).filter((issue) => issue.severity !== "warning");
  for (const issue of errors) world.err(`${issueLine(issue)}\n`);
  if (errors.length > 0) return 2;
  const changes = diffResources(
    before.flatMap((one) => one.resources),
    after.flatMap((one) => one.resources),
  );
  if (format === "json") world.out(`${JSON.stringify(changes, undefined, 2)}\n`);
  else {
    for (const { typeUrl, name, kind, fields } of changes) {
      world.out(`${kind} ${typeNameOf(typeUrl)} ${JSON.stringify(name)}\n`);
      for (const field of fields) world.out(`  ${field.path}: ${fieldChange(field)}\n`);
    }
  }
  return changes.length === 0 ? 0 : 1;
}

function fieldChange({ before, after }: FieldChange): string {
  if (before === undefined) return `+ ${JSON.stringify(after)}`;
  return after === undefined ? `- ${JSON.stringify(before)}` : `${JSON.stringify(before)} → ${JSON.stringify(after)}`;
}

function convert(parsed: readonly ParsedResources[], to: string, world: Surroundings): number {
  const errors = parsed.flatMap((one) => one.issues).filter((issue) => issue.severity !== "warning");
  for (const issue of errors) world.err(`${issueLine(issue)}\n`);
  if (errors.length > 0) return 1;
  const resources = parsed.flatMap((one) => one.resources);
  switch (to) {
    case "yaml":
      world.out(resources.map((resource) => writeYaml(written(resource))).join("---\n"));
      return 0;
    case "json":
      world.out(`${JSON.stringify(resources.map(written), undefined, 2)}\n`);
      return 0;
    case "text":
      world.out(writeTextProto(messageDescriptor("envoy.service.discovery.v3.DiscoveryResponse"), { resources }));
      return 0;
    case "binary": {
      const [first, ...rest] = resources;
      if (first === undefined || rest.length > 0)
        throw new UsageError("binary holds one resource, and there are more or none");
      world.out(messageType(typeNameOf(first.typeUrl)).encode(first.message));
      return 0;
    }
    default:
      throw new UsageError(`cannot convert to ${to}: yaml, json, text or binary`);
  }
}

function written({ typeUrl, message }: Resource): JsonObject {
  const json = messageType(typeNameOf(typeUrl)).toJson(message, { fieldNames: "snake_case" });
  return { "@type": typeUrl, ...(json as JsonObject) };
}
