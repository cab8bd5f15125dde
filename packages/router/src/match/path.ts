import { asciiLower } from "../ascii.js";
import type { PathPattern } from "../decision.js";
import type { RequestFacts } from "../facts.js";
import type { Regex } from "../regex/patterns.js";
import type { CompiledTemplate } from "./template.js";

/** A route's path test. One class with a switch, so that the call site in the scan stays monomorphic. */
export class PathTest {
  readonly kind: PathPattern["kind"];
  /** The configured text as bytes; in lower case if {@link PathTest.fold}. */
  readonly value: string;
  /** Whether ASCII case is ignored. */
  readonly fold: boolean;
  /** Compiled form of `regex`. */
  readonly regex: Regex | undefined;
  /** Compiled form of `template`. */
  readonly template: CompiledTemplate | undefined;
  readonly #extension: ((path: string) => boolean) | undefined;

  constructor(
    kind: PathPattern["kind"],
    value: string,
    fold = false,
    compiled: { regex?: Regex; template?: CompiledTemplate; extension?: (path: string) => boolean } = {},
  ) {
    this.kind = kind;
    this.value = fold ? asciiLower(value) : value;
    this.fold = fold;
    this.regex = compiled.regex;
    this.template = compiled.template;
    this.#extension = compiled.extension;
  }

  /**
   * Whether the request's path passes. A request without a path passes `connect` only.
   *
   * @param begun - Whether the path is known to begin with {@link PathTest.value}.
   */
  test(facts: RequestFacts, begun = false): boolean {
    if (this.kind === "connect") return isConnect(facts);
    if (facts.request.path === undefined) return false;
    switch (this.kind) {
      case "prefix":
        return begun || this.#subject(facts).startsWith(this.value);
      case "path":
        return this.#subject(facts) === this.value;
      case "path-separated-prefix": {
        const path = this.#subject(facts);
        if (!begun && !path.startsWith(this.value)) return false;
        return path.length === this.value.length || path.charCodeAt(this.value.length) === 47;
      }
      case "regex":
        return this.regex?.test(facts.matchPath) === true;
      case "template":
        return this.template?.regex.test(facts.path) === true;
      case "extension":
        return this.#extension?.(facts.path) === true;
    }
  }

  #subject(facts: RequestFacts): string {
    return this.fold ? facts.lowerPath : facts.matchPath;
  }
}

/** CONNECT, or the extended form that Envoy turns into an upgrade. */
function isConnect(facts: RequestFacts): boolean {
  if (facts.request.method === "CONNECT") return true;
  return facts.someHeader("upgrade", (value) => asciiLower(value) === "connect-udp") === true;
}
