import { parseResources } from "@weftmesh/xds-types";
import type { HeaderMatcher } from "@weftmesh/xds-types/envoy/config/route/v3";
import type { RouteTest } from "../check/test-file.js";
import { compileHeader } from "../match/header.js";
import { patterns } from "../regex/library.js";
import { Scope } from "../scope.js";
import { surroundingsOf } from "../surroundings.js";
import { readText, UsageError } from "./io.js";
import { parseTextProto, type TextField, type TextMessage, TextProtoError } from "./text-proto.js";

/** A test file as a plain object, and where its parts stand. */
interface TestFile {
  readonly content: unknown;
  locate(path: string): string;
}

/** What header matchers of tests refer to: nothing from outside. */
const surroundings = surroundingsOf({ patterns });

const textProto = /\.(pb_text|pbtxt|pbtext|textproto|txtpb|prototxt)$/;

/** Reads a test file of router_check_tool: YAML and JSON, or text proto by the file's name. */
export function readTests(file: string): readonly RouteTest[] {
  const text = readText(file);
  const { content, locate } = textProto.test(file) ? readTextProto(text, file) : readYaml(text, file);
  const { tests } = (content ?? {}) as { readonly tests?: readonly unknown[] };
  if (!Array.isArray(tests)) throw new UsageError(`${locate("")} tests: expected a list of tests, got none`);
  if (tests.length === 0) throw new UsageError(`${locate("tests")} tests: expected at least one test, got none`);
  return tests.map((test, i) => readTest(test, `tests[${i}]`, locate));
}

type Kind = "text" | "flag" | "uint32" | "uint64" | "duration" | "pairs" | "list";

/** What a test may hold, besides `test_name`. */
const known: Readonly<Record<"input" | "validate", Readonly<Record<string, Kind>>>> = {
  input: {
    authority: "text",
    path: "text",
    method: "text",
    random_value: "uint64",
    ssl: "flag",
    internal: "flag",
    additional_request_headers: "pairs",
    additional_response_headers: "pairs",
    runtime: "text",
    dynamic_metadata: "list",
  },
  validate: {
    cluster_name: "text",
    virtual_cluster_name: "text",
    virtual_host_name: "text",
    path_rewrite: "text",
    host_rewrite: "text",
    path_redirect: "text",
    code_redirect: "uint32",
    request_header_matches: "list",
    response_header_matches: "list",
    request_header_fields: "pairs",
    response_header_fields: "pairs",
    timeout: "duration",
  },
};

const expected: Readonly<Record<Kind, string>> = {
  text: "text",
  flag: "true or false",
  uint32: "a whole number",
  uint64: "a whole number",
  duration: "seconds such as 1.5s",
  pairs: "a list of objects with key and value",
  list: "a list of objects",
};

/** A field's value as ProtoJSON reads it: numbers and flags may be quoted; `undefined` if it is not of its kind. */
function protoJson(kind: Kind, value: unknown): unknown {
  switch (kind) {
    case "text":
      return typeof value === "string" ? value : undefined;
    case "flag":
      if (value === "true" || value === "false") return value === "true";
      return typeof value === "boolean" ? value : undefined;
    case "uint32":
      return isUnsigned(value, 1n << 32n) ? Number(value) : undefined;
    case "uint64":
      return isUnsigned(value, 1n << 64n) ? value : undefined;
    case "duration":
      return typeof value === "string" && /^-?\d+(\.\d{1,9})?s$/.test(value) ? value : undefined;
    case "pairs":
      return Array.isArray(value) && value.every(isPair) ? value : undefined;
    case "list":
      return Array.isArray(value) && value.every(isRecord) ? value : undefined;
  }
}

function isUnsigned(value: unknown, end: bigint): boolean {
  const whole = typeof value === "string" ? /^\d{1,20}$/.test(value) : Number.isInteger(value);
  return whole && BigInt(value as string | number) >= 0n && BigInt(value as string | number) < end;
}

function isPair(value: unknown): boolean {
  return isRecord(value) && [value["key"], value["value"]].every((one) => one === undefined || typeof one === "string");
}

function readTest(test: unknown, path: string, locate: TestFile["locate"]): RouteTest {
  const problems: string[] = [];
  const report = (at: string, problem: string): void => {
    problems.push(`${locate(at)} ${at}: ${problem}`);
  };
  const { test_name: name, input, validate } = snakeFields(test, 2) as Partial<RouteTest>;
  if (typeof name !== "string" || name === "") report(path, "expected a test_name, got none");
  const part = (field: "input" | "validate", value: unknown): Record<string, unknown> => {
    if (!isRecord(value)) report(path, `expected ${field}, got none`);
    const out: Record<string, unknown> = Object.create(null);
    for (const [key, inner] of Object.entries(isRecord(value) ? value : {})) {
      const at = `${path}.${field}.${key}`;
      const kind = Object.hasOwn(known[field], key) ? known[field][key] : undefined;
      if (kind === undefined) report(at, "no such field");
      else if (inner !== null) {
        out[key] = protoJson(kind, inner);
        if (out[key] === undefined) report(at, `expected ${expected[kind]}, got ${JSON.stringify(inner)}`);
      }
    }
    return out;
  };
  const request = part("input", input);
  const wanted = part("validate", validate);
  for (const field of ["authority", "path", "method"] as const) {
    if (isRecord(input) && !(field in request && request[field] !== ""))
      report(`${path}.input`, `expected ${field} to be text, got none`);
  }
  for (const field of ["request_header_matches", "response_header_matches"]) {
    const list = wanted[field] as readonly unknown[] | undefined;
    if (list === undefined) continue;
    wanted[field] = list.map((one, i) => readMatcher(one, `${path}.validate.${field}[${i}]`, report));
  }
  if (problems.length > 0) throw new UsageError(problems.join("\n"));
  return { test_name: name, input: request, validate: wanted } as unknown as RouteTest;
}

/** An object with its keys in snake_case, two levels down: ProtoJSON has both spellings. */
function snakeFields(value: unknown, depth: number): object {
  if (!isRecord(value)) return {};
  const out: Record<string, unknown> = Object.create(null);
  for (const [key, inner] of Object.entries(value)) {
    const name = key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const records = Array.isArray(inner) && name === "dynamic_metadata";
    if (records) out[name] = inner.map((one) => snakeFields(one, 1));
    else out[name] = depth > 1 && isRecord(inner) ? snakeFields(inner, depth - 1) : inner;
  }
  return out;
}

function readMatcher(one: unknown, path: string, report: (at: string, problem: string) => void): HeaderMatcher {
  const parsed = parseResources(JSON.stringify(one), { type: "envoy.config.route.v3.HeaderMatcher" });
  for (const issue of parsed.issues.filter(({ severity }) => severity !== "warning")) {
    report(issue.path === "" ? path : `${path}.${issue.path}`, `${issue.message} (${issue.code})`);
  }
  const matcher = (parsed.resources[0]?.message ?? {}) as HeaderMatcher;
  const scope = Scope.root(path);
  if (parsed.issues.length === 0) compileHeader(matcher, scope, surroundings);
  for (const issue of scope.issues) report(issue.path, `${issue.message} (${issue.code})`);
  return matcher;
}

function readYaml(text: string, file: string): TestFile {
  const parsed = parseResources(text, { file, type: "google.protobuf.Struct" });
  const errors = parsed.issues.filter((issue) => issue.severity !== "warning");
  if (errors.length > 0)
    throw new UsageError(
      errors.map((one) => `${one.file}:${one.line}:${one.column} ${one.message} (${one.code})`).join("\n"),
    );
  const [resource] = parsed.resources;
  return {
    content: resource?.message,
    locate(path) {
      const at = resource === undefined ? { file, line: 1, column: 1 } : parsed.locate(resource, path);
      return `${at.file}:${at.line}:${at.column}`;
    },
  };
}

/** Fields that are lists however often they stand there. */
const lists: ReadonlySet<string> = new Set([
  "tests",
  "additional_request_headers",
  "additional_response_headers",
  "dynamic_metadata",
  "request_header_matches",
  "response_header_matches",
  "request_header_fields",
  "response_header_fields",
]);

/** Fields whose values are wrapped in a message. */
const wrapped: ReadonlySet<string> = new Set(
  Object.keys(known.validate).filter((name) => !lists.has(name) && name !== "timeout"),
);

function readTextProto(text: string, file: string): TestFile {
  try {
    const places = new Map<string, string>();
    const content = plain(parseTextProto(text), "", (path, { line, column }) => {
      places.set(path, `${file}:${line}:${column}`);
    });
    return {
      content,
      locate(path) {
        for (let at = path; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf("."), at.lastIndexOf("[")))) {
          const place = places.get(at);
          if (place !== undefined) return place;
        }
        return `${file}:1:1`;
      },
    };
  } catch (error) {
    if (error instanceof TextProtoError) throw new UsageError(`${file}:${error.line}:${error.column} ${error.message}`);
    throw error;
  }
}

type Note = (path: string, field: TextField) => void;

function plain({ fields }: TextMessage, path: string, note: Note): Record<string, unknown> {
  const out: Record<string, unknown> = Object.create(null);
  for (const field of fields) {
    const { name } = field;
    const before = out[name];
    const list = lists.has(name) ? ((before ?? []) as unknown[]) : undefined;
    const at = `${path === "" ? "" : `${path}.`}${name}${list === undefined ? "" : `[${list.length}]`}`;
    note(at, field);
    const value = fieldValue(field, at, note);
    if (list === undefined) out[name] = value;
    else {
      list.push(value);
      out[name] = list;
    }
  }
  return out;
}

function fieldValue(field: TextField, path: string, note: Note): unknown {
  const { name, value } = field;
  if (typeof value === "string") return field.quoted ? value : scalar(value);
  if (name === "value" && path.includes("dynamic_metadata")) return struct(value);
  const inner = plain(value, path, note);
  if (wrapped.has(name)) return inner["value"] ?? (name === "code_redirect" ? 0 : "");
  if (name === "timeout") return `${(Number(inner["seconds"] ?? 0) + Number(inner["nanos"] ?? 0) / 1e9).toFixed(9)}s`;
  return inner;
}

function scalar(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  return /^-?[\d.]/.test(text) ? Number(text) : text;
}

/** A Struct: entries of `fields` with a key and a value. */
function struct({ fields }: TextMessage): Record<string, unknown> {
  const out: Record<string, unknown> = Object.create(null);
  for (const { name, value } of fields) {
    if (name !== "fields" || typeof value === "string") continue;
    const key = value.fields.find((field) => field.name === "key")?.value;
    const inner = value.fields.find((field) => field.name === "value")?.value;
    if (typeof key === "string" && typeof inner === "object") out[key] = structValue(inner);
  }
  return out;
}

function structValue({ fields }: TextMessage): unknown {
  const [field] = fields;
  if (field === undefined) return null;
  const { name, value } = field;
  if (typeof value === "string") return name === "null_value" ? null : field.quoted ? value : scalar(value);
  if (name === "struct_value") return struct(value);
  return value.fields.map((one) => (typeof one.value === "string" ? null : structValue(one.value)));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
