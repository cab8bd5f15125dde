import type { Document, Node, Pair } from "yaml";
import { yaml } from "#yaml";
import type { Issue, XdsTypesErrorCode } from "../errors.js";
import type { PathSegment } from "./path.js";

/** Where something stands in a text; lines and columns count from 1. */
export interface Position {
  /** As the caller named the text. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 code units. */
  readonly column: number;
}

/** A problem with its place in a text. */
export interface LocatedIssue extends Issue, Position {}

/** One YAML or JSON document of a text, with the place of each value. */
export interface TextDocument {
  /** The value; integers are bigints, so that 64 bits are exact. */
  readonly value: unknown;
  /** The place of a value, or of its nearest ancestor that is there. */
  locate(path: readonly PathSegment[]): Position;
}

/** What {@link readDocuments} found. */
export interface DocumentsRead {
  readonly documents: readonly TextDocument[];
  readonly issues: readonly LocatedIssue[];
}

const maxSyntaxErrors = 10;
/** How the parser, which recurses, reports that it ran out of stack. */
const stackExhausted = "Maximum call stack";

/**
 * Reads a text as YAML 1.2, which JSON is a part of: `yes`, `no`, `on` and `off` are strings. Merge keys are merged,
 * duplicate keys are errors, and aliases may expand a document a hundredfold at most.
 */
export function readDocuments(text: string, file: string): DocumentsRead {
  const { LineCounter, parseAllDocuments } = yaml();
  const lines = new LineCounter();
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const issues: LocatedIssue[] = [];
  const documents: TextDocument[] = [];
  const fail = (message: string, offset: number, code: XdsTypesErrorCode = "ERR_XDS_TYPES_SYNTAX"): void => {
    issues.push({ code, path: "", message, ...at(offset) });
  };
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    intAsBigInt: true,
    merge: true,
    prettyErrors: false,
    uniqueKeys: true,
    version: "1.2",
  });
  for (const document of Array.isArray(parsed) ? parsed : []) {
    // The first problems are the cause; a parser that lost its way goes on about the rest.
    for (const error of document.errors.slice(0, maxSyntaxErrors)) {
      if (error.message.startsWith(stackExhausted)) {
        fail("values lie too deep in each other", error.pos[0], "ERR_XDS_TYPES_LIMIT");
        break;
      }
      fail(firstLine(error.message), error.pos[0]);
    }
    if (document.errors.length > 0 || document.contents === null) continue;
    const start = document.contents.range?.[0] ?? 0;
    try {
      const value: unknown = document.toJS({ maxAliasCount: 100 });
      if (isCyclic(value)) fail("an alias stands inside its own anchor", start);
      else documents.push({ value, locate: (path) => at(offsetOf(document, path)) });
    } catch (error) {
      fail(firstLine((error as Error).message), start);
    }
  }
  return { documents, issues };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}

/** Whether a value contains itself. Shared parts are visited once. */
function isCyclic(value: unknown): boolean {
  const open = new Set<object>();
  const clean = new Set<object>();
  const visit = (item: unknown): boolean => {
    if (typeof item !== "object" || item === null || clean.has(item)) return false;
    if (open.has(item)) return true;
    open.add(item);
    const found = Object.values(item).some(visit);
    open.delete(item);
    clean.add(item);
    return found;
  };
  return visit(value);
}

/** The offset of a value in the text; of a map entry, that of its key. */
function offsetOf(document: Document, path: readonly PathSegment[]): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0] ?? 0;
  for (const segment of path) {
    const target = yaml().isAlias(node) ? node.resolve(document) : node;
    const next = step(document, target, segment);
    if (next === undefined) return offset;
    offset = next.offset ?? offset;
    node = next.node;
  }
  return offset;
}

interface Step {
  readonly node: unknown;
  readonly offset: number | undefined;
}

function step(document: Document, node: unknown, segment: PathSegment): Step | undefined {
  const { isAlias, isMap, isScalar, isSeq } = yaml();
  if (isSeq(node)) {
    const item = typeof segment === "number" ? node.items[segment] : undefined;
    return item === undefined ? undefined : { node: item, offset: (item as Node).range?.[0] };
  }
  if (!isMap(node)) return undefined;
  const wanted = String(segment);
  // The path may spell a field as the proto does where the text has camelCase, or the other way round.
  const pair =
    findPair(node.items, wanted) ?? findPair(node.items, camelCase(wanted)) ?? findPair(node.items, snakeCase(wanted));
  if (pair !== undefined) return { node: pair.value, offset: (pair.key as Node).range?.[0] };
  for (const { key, value } of node.items) {
    if (!isScalar(key) || key.source !== "<<") continue;
    const merged = isAlias(value) ? value.resolve(document) : value;
    const inside = step(document, merged, segment);
    if (inside !== undefined) return inside;
  }
  return undefined;
}

function findPair(items: readonly Pair[], wanted: string): Pair | undefined {
  const { isPair, isScalar } = yaml();
  return items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === wanted);
}

function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, next: string) => next.toUpperCase());
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
