import { type Issue, RouterError, type RouterErrorCode } from "./errors.js";

/** What a whole configuration shares. */
interface Report {
  readonly issues: Issue[];
  /** Paths of what is not of its type. */
  readonly broken: Set<string>;
  /** Everything that contains such a path. */
  readonly around: Set<string>;
}

/** Whether a place contains something that was reported as being of the wrong type, or lies within it. */
function isConsequence(path: string, { broken, around }: Report): boolean {
  if (broken.size === 0) return false;
  return (
    broken.has("") || broken.has(path) || around.has(path) || ends(path).some((end) => broken.has(path.slice(0, end)))
  );
}

/** Where the steps of a path end, the last one excepted. */
function ends(path: string): readonly number[] {
  const found: number[] = [];
  for (let i = 1; i < path.length; i++) if (path[i] === "." || path[i] === "[") found.push(i);
  return found;
}

/**
 * A place in a configuration, and the list its problems go to. Paths are put together only when something is reported: a table of
 * 100,000 routes has half a million places and, mostly, no problem.
 */
export class Scope {
  readonly #report: Report;
  readonly #parent: Scope | undefined;
  readonly #key: string;
  readonly #index: number;

  private constructor(report: Report, parent: Scope | undefined, key: string, index: number) {
    this.#report = report;
    this.#parent = parent;
    this.#key = key;
    this.#index = index;
  }

  /** The place of a whole configuration. */
  static root(path = ""): Scope {
    return new Scope({ issues: [], broken: new Set(), around: new Set() }, undefined, path, -1);
  }

  /** A field, in snake_case. */
  field(name: string): Scope {
    return new Scope(this.#report, this, name, -1);
  }

  /** An element of a repeated field. */
  item(name: string, index: number): Scope {
    return new Scope(this.#report, this, name, index);
  }

  /** An entry of a map field. */
  entry(name: string, key: string): Scope {
    return new Scope(this.#report, this, `${name}[${JSON.stringify(key)}]`, -1);
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
    return this.#report.issues;
  }

  /** Notes a problem that refuses the configuration. */
  report(code: RouterErrorCode, message: string): void {
    const { path } = this;
    if (!isConsequence(path, this.#report)) this.#report.issues.push({ code, path, message });
  }

  /** Notes that something is not of its type, at a path below this place. What is found wrong around it later is not news. */
  reportShape(below: string, code: RouterErrorCode, message: string): void {
    const { path } = below === "" ? this : this.field(below);
    this.#report.issues.push({ code, path, message });
    this.#report.broken.add(path);
    for (const end of ends(path)) this.#report.around.add(path.slice(0, end));
  }

  /** Notes a problem that does not. */
  warn(code: RouterErrorCode, message: string): void {
    this.#report.issues.push({ code, path: this.path, message, severity: "warning" });
  }

  /** @throws {@link RouterError} if an error was reported. */
  throwIfRefused(): void {
    const [first, ...rest] = this.#report.issues.filter((issue) => issue.severity !== "warning");
    if (first !== undefined) throw new RouterError([first, ...rest]);
  }
}
