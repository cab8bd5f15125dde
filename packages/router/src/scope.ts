import { type Issue, RouterError, type RouterErrorCode } from "./errors.js";

/**
 * A place in a configuration, and the list its problems go to. Paths are put together only when something is reported: a table of
 * 100,000 routes has half a million places and, mostly, no problem.
 */
export class Scope {
  readonly #issues: Issue[];
  readonly #parent: Scope | undefined;
  readonly #key: string;
  readonly #index: number;

  private constructor(issues: Issue[], parent: Scope | undefined, key: string, index: number) {
    this.#issues = issues;
    this.#parent = parent;
    this.#key = key;
    this.#index = index;
  }

  /** The place of a whole configuration. */
  static root(path = ""): Scope {
    return new Scope([], undefined, path, -1);
  }

  /** A field, in snake_case. */
  field(name: string): Scope {
    return new Scope(this.#issues, this, name, -1);
  }

  /** An element of a repeated field. */
  item(name: string, index: number): Scope {
    return new Scope(this.#issues, this, name, index);
  }

  /** An entry of a map field. */
  entry(name: string, key: string): Scope {
    return new Scope(this.#issues, this, `${name}[${JSON.stringify(key)}]`, -1);
  }

  /** The place as text. */
  get path(): string {
    const own = this.#index < 0 ? this.#key : `${this.#key}[${this.#index}]`;
    const parent = this.#parent?.path ?? "";
    if (parent === "" || own === "") return parent + own;
    return `${parent}.${own}`;
  }

  /** Everything reported so far, under any place of the same configuration. */
  get issues(): readonly Issue[] {
    return this.#issues;
  }

  /** Notes a problem that refuses the configuration. */
  report(code: RouterErrorCode, message: string): void {
    this.#issues.push({ code, path: this.path, message });
  }

  /** Notes a problem that does not. */
  warn(code: RouterErrorCode, message: string): void {
    this.#issues.push({ code, path: this.path, message, severity: "warning" });
  }

  /** @throws {@link RouterError} if an error was reported. */
  throwIfRefused(): void {
    const [first, ...rest] = this.#issues.filter((issue) => issue.severity !== "warning");
    if (first !== undefined) throw new RouterError([first, ...rest]);
  }
}
