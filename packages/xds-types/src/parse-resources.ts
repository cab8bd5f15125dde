import { checkMessage } from "./check.js";
import { findMessage, type MessageDescriptor, messageDescriptor } from "./descriptor.js";
import type { Issue, Severities, XdsTypesErrorCode } from "./errors.js";
import { tryReadJson } from "./json/read.js";
import type { CheckOptions, JsonReadOptions } from "./message.js";
import { type Resource, resourceName } from "./resource.js";
import {
  type DocumentsRead,
  type LocatedIssue,
  type Position,
  readDocuments,
  type TextDocument,
} from "./text/document.js";
import { type PathSegment, parsePath } from "./text/path.js";
import { readBinary } from "./text/read-binary.js";
import { readTextProto } from "./text/read-text-proto.js";
import { typeNameOf, urlOf } from "./type-url.js";
import { defaultMaxValues } from "./wire/special.js";

/** How {@link parseResources} reads. */
export interface ParseOptions {
  /** Name of the text, for positions. Default: `input`. */
  readonly file?: string;
  /** The message a document holds that does not say so itself, for example `envoy.config.route.v3.RouteConfiguration`. */
  readonly type?: string;
  /** What to do with a field its type does not have. Default: `"error"`, as Envoy does. */
  readonly unknownFields?: JsonReadOptions["unknownFields"];
  /**
   * The language of the text. Text proto is one message: of `type`, else a discovery response. Default: `"yaml"`, which
   * JSON is a part of.
   */
  readonly syntax?: "yaml" | "text-proto";
  /** The largest text that is read, in UTF-16 code units. Default: 64 Mi. */
  readonly maxLength?: number;
  /** How many values a resource may have, aliases followed. Default: 10,000,000. */
  readonly maxValues?: number;
  /** What single rules count as. Default: as the rule says. */
  readonly severity?: Severities;
}

/** What {@link parseResources} found. */
export interface ParsedResources {
  /** The resources that are in order, in the order of the text. */
  readonly resources: readonly Resource[];
  /** Every problem, errors and warnings, each with its place. */
  readonly issues: readonly LocatedIssue[];
  /**
   * Where something of a resource stands in the text.
   *
   * @param resource - One of {@link ParsedResources.resources}.
   * @param path - Into the resource, in either spelling: `virtual_hosts[0].routes[2].match`. Default: the resource.
   */
  locate(resource: Resource, path?: string): Position;
}

interface Found {
  readonly document: TextDocument;
  readonly path: readonly PathSegment[];
  readonly json: unknown;
  readonly typeName: string | undefined;
}

const discoveryResponse = "envoy.service.discovery.v3.DiscoveryResponse";
const defaultMaxLength = 64 * 1024 * 1024;

/**
 * Reads the resources of a YAML or JSON text: bare ones with `@type`, lists of them, discovery responses, the static
 * resources of a bootstrap, configuration dumps; several documents if the text has them. Structure rules are checked.
 * Never throws on a bad text.
 */
export function parseResources(text: string, options: ParseOptions = {}): ParsedResources {
  const file = options.file ?? "input";
  const limit = options.maxLength ?? defaultMaxLength;
  if (text.length > limit) {
    const message = `the text has ${text.length} code units, more than the limit of ${limit}`;
    return resourcesOf(failed("ERR_XDS_TYPES_LIMIT", message, file), file, options);
  }
  if (options.syntax !== "text-proto") return resourcesOf(readDocuments(text, file), file, options);
  return resourcesAs(options, file, (type) => readTextProto(type, text, file));
}

/** The same for a message in the wire format: of `type`, else a discovery response. Everything stands at 1:1. */
export function parseBinary(bytes: Uint8Array, options: ParseOptions = {}): ParsedResources {
  const file = options.file ?? "input";
  if (bytes.length > 0) return resourcesAs(options, file, (type) => readBinary(type, bytes, file, options));
  return resourcesOf(failed("ERR_XDS_TYPES_RESOURCE", "the input is empty", file), file, options);
}

/** What does not say what it is: of the type that the caller names, else a discovery response. */
function resourcesAs(
  options: ParseOptions,
  file: string,
  read: (type: MessageDescriptor) => DocumentsRead,
): ParsedResources {
  const typeName = options.type ?? discoveryResponse;
  const type = findMessage(typeName);
  const unknown = `the schema has no message ${typeName}`;
  const documents = type === undefined ? failed("ERR_XDS_TYPES_UNKNOWN_TYPE", unknown, file) : read(type);
  const parsed = resourcesOf(documents, file, { ...options, type: typeName });
  if (options.type !== undefined || parsed.resources.length > 0 || parsed.issues.length > 0) return parsed;
  // Most messages can be taken for a discovery response, whose fields they leave out.
  const message = "a discovery response without resources; if it is something else, name its type";
  return resourcesOf(failed("ERR_XDS_TYPES_RESOURCE", message, file), file, options);
}

function resourcesOf(read: DocumentsRead, file: string, options: ParseOptions): ParsedResources {
  const origins = new Map<Resource, Found>();
  const locate = (resource: Resource, path = ""): Position => {
    const origin = origins.get(resource);
    return origin?.document.locate([...origin.path, ...parsePath(path)]) ?? { file, line: 1, column: 1 };
  };
  const issues: LocatedIssue[] = [...read.issues];
  const resources: Resource[] = [];
  for (const document of read.documents) {
    issues.push(...bootstrapIssues(document, options));
    for (const found of findResources(document, options.type)) {
      const resource = readResource(found, options, (issue) => {
        issues.push({
          ...issue,
          path: joinPath(found.path, issue.path),
          ...document.locate([...found.path, ...parsePath(issue.path)]),
        });
      });
      if (resource === undefined) continue;
      origins.set(resource, found);
      resources.push(resource);
    }
  }
  if (read.documents.length === 0 && issues.length === 0) {
    issues.push({ code: "ERR_XDS_TYPES_RESOURCE", path: "", message: "the text is empty", file, line: 1, column: 1 });
  }
  return { resources, issues, locate };
}

function failed(code: XdsTypesErrorCode, message: string, file: string): DocumentsRead {
  return { documents: [], issues: [{ code, path: "", message, file, line: 1, column: 1 }] };
}

function joinPath(prefix: readonly PathSegment[], path: string): string {
  let text = "";
  for (const segment of prefix)
    text += typeof segment === "number" ? `[${segment}]` : text === "" ? segment : `.${segment}`;
  if (text === "" || path === "") return text + path;
  return path.startsWith("[") ? text + path : `${text}.${path}`;
}

function readResource(found: Found, options: ParseOptions, report: (issue: Issue) => void): Resource | undefined {
  const { typeName, json } = found;
  if (typeName === undefined) {
    const message = "cannot tell what this is: give it an @type, or name the type in the call";
    report({ code: "ERR_XDS_TYPES_RESOURCE", path: "", message });
    return undefined;
  }
  const type = findMessage(typeName);
  if (type === undefined) {
    report({ code: "ERR_XDS_TYPES_UNKNOWN_TYPE", path: "@type", message: `the schema has no message ${typeName}` });
    return undefined;
  }
  return readMessage(type, json, options, report);
}

function readMessage(
  type: MessageDescriptor,
  json: unknown,
  options: ParseOptions,
  report: (issue: Issue) => void,
): Resource | undefined {
  const body = isObject(json) ? withoutType(json) : json;
  const { message, issues } = tryReadJson(type, body, readOptions(options));
  const all = issues.length > 0 ? issues : checkMessage(type, message, checkOptions(options));
  for (const issue of all) report(issue);
  if (all.some((issue) => issue.severity !== "warning")) return undefined;
  const typeUrl = urlOf(type.typeName);
  return { typeUrl, name: resourceName(typeUrl, message), message };
}

function readOptions({ unknownFields = "error", maxValues = defaultMaxValues }: ParseOptions): JsonReadOptions {
  return { unknownFields, maxValues };
}

function checkOptions({ severity }: ParseOptions): CheckOptions {
  return severity === undefined ? {} : { severity };
}

function withoutType({ "@type": _, ...rest }: Readonly<Record<string, unknown>>): unknown {
  return rest;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The keys of a bootstrap's static resources and of a configuration dump, and the messages they hold. */
const staticResources: readonly (readonly [key: string, typeName: string])[] = [
  ["listeners", "envoy.config.listener.v3.Listener"],
  ["clusters", "envoy.config.cluster.v3.Cluster"],
  ["secrets", "envoy.extensions.transport_sockets.tls.v3.Secret"],
];

function* findResources(document: TextDocument, type: string | undefined): Iterable<Found> {
  const { value } = document;
  const found = (json: unknown, path: readonly PathSegment[], typeName?: string): Found => ({
    document,
    path,
    json,
    typeName,
  });
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield found(item, [index], typeOf(item) ?? type);
    return;
  }
  const own = typeOf(value) ?? type;
  if (!isObject(value)) {
    yield found(value, [], own);
  } else if (own === discoveryResponse || (own === undefined && Array.isArray(value["resources"]))) {
    const common = value["type_url"] ?? value["typeUrl"];
    const typeName = typeof common === "string" ? typeNameOf(common) : undefined;
    for (const [index, item] of list(value["resources"]).entries())
      yield found(item, ["resources", index], typeOf(item) ?? typeName);
  } else if (isBootstrap(value, own)) {
    yield* inBootstrap(value, found);
  } else if (own === "envoy.admin.v3.ConfigDump" || (own === undefined && Array.isArray(value["configs"]))) {
    yield* inConfigDump(value["configs"], ["configs"], found);
  } else {
    yield found(value, [], own);
  }
}

type MakeFound = (json: unknown, path: readonly PathSegment[], typeName?: string) => Found;

function typeOf(value: unknown): string | undefined {
  const typeUrl = isObject(value) ? value["@type"] : undefined;
  return typeof typeUrl === "string" ? typeNameOf(typeUrl) : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isBootstrap(value: Readonly<Record<string, unknown>>, type: string | undefined): boolean {
  if (type !== undefined) return type === bootstrap;
  return "static_resources" in value || "staticResources" in value;
}

const bootstrap = "envoy.config.bootstrap.v3.Bootstrap";
const insideResource = /^static_?[rR]esources\.(?:listeners|clusters|secrets)[.[]/;

/** What is wrong with a bootstrap outside its resources, which are read one by one. */
function bootstrapIssues({ value, locate }: TextDocument, options: ParseOptions): readonly LocatedIssue[] {
  if (!isObject(value) || !isBootstrap(value, typeOf(value) ?? options.type)) return [];
  const type = messageDescriptor(bootstrap);
  const { message, issues } = tryReadJson(type, withoutType(value), readOptions(options));
  return (issues.length > 0 ? issues : checkMessage(type, message, checkOptions(options)))
    .filter((issue) => !insideResource.test(issue.path))
    .map((issue) => ({ ...issue, ...locate(parsePath(issue.path)) }));
}

function* inBootstrap(value: Readonly<Record<string, unknown>>, found: MakeFound): Iterable<Found> {
  const key = "static_resources" in value ? "static_resources" : "staticResources";
  const resources = value[key];
  if (!isObject(resources)) return;
  for (const [field, typeName] of staticResources) {
    const items = resources[field];
    // As in every list, one alone stands for a list of one.
    if (isObject(items)) yield found(items, [key, field], typeName);
    for (const [index, item] of list(items).entries()) yield found(item, [key, field, index], typeName);
  }
}

/** A dump holds its resources at several depths: everything with an `@type` of a served resource counts. */
function* inConfigDump(value: unknown, path: readonly PathSegment[], found: MakeFound): Iterable<Found> {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* inConfigDump(item, [...path, index], found);
    return;
  }
  if (!isObject(value)) return;
  const typeName = typeOf(value);
  if (typeName !== undefined && served.has(typeName)) {
    yield found(value, path, typeName);
    return;
  }
  for (const [key, item] of Object.entries(value)) yield* inConfigDump(item, [...path, key], found);
}

const served: ReadonlySet<string> = new Set([
  "envoy.config.listener.v3.Listener",
  "envoy.config.route.v3.RouteConfiguration",
  "envoy.config.route.v3.ScopedRouteConfiguration",
  "envoy.config.route.v3.VirtualHost",
  "envoy.config.cluster.v3.Cluster",
  "envoy.config.endpoint.v3.ClusterLoadAssignment",
  "envoy.extensions.transport_sockets.tls.v3.Secret",
  "envoy.service.runtime.v3.Runtime",
  "envoy.config.core.v3.TypedExtensionConfig",
]);
