import { asciiLower, byteText } from "./ascii.js";
import type { Scope } from "./scope.js";

/** How a host was found. */
export type DomainClass = "exact" | "suffix" | "prefix" | "any";

/** A host that a request's authority may belong to, best first. */
export interface DomainMatch<T> {
  /** Which kind of domain matched; the order of the kinds beats length. */
  readonly class: DomainClass;
  /** The configured domain, in lower case. */
  readonly domain: string;
  /** What the domain belongs to. */
  readonly value: T;
}

/** Wildcards of one kind, by length of their literal part, longest first. */
class Wildcards<T> {
  readonly #byLength = new Map<number, Map<string, T>>();
  #lengths: number[] = [];

  has(literal: string): boolean {
    return this.#byLength.get(literal.length)?.has(literal) === true;
  }

  set(literal: string, value: T): void {
    const group = this.#byLength.get(literal.length);
    if (group !== undefined) {
      group.set(literal, value);
      return;
    }
    this.#byLength.set(literal.length, new Map([[literal, value]]));
    this.#lengths = [...this.#byLength.keys()].sort((a, b) => b - a);
  }

  /** The longest literal that `cut` finds in the host; the wildcard itself takes at least one character. */
  find(host: string, cut: (host: string, length: number) => string): { literal: string; value: T } | undefined {
    for (const length of this.#lengths) {
      if (length >= host.length) continue;
      const literal = cut(host, length);
      const value = this.#byLength.get(length)?.get(literal);
      if (value !== undefined) return { literal, value };
    }
    return undefined;
  }
}

const tail = (host: string, length: number): string => host.slice(host.length - length);
const head = (host: string, length: number): string => host.slice(0, length);

/**
 * Finds the virtual host for an authority: exact, then the longest `*suffix`, then the longest `prefix*`, then `*`.
 *
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/config/route/v3/route_components.proto#config-route-v3-virtualhost
 */
export class DomainIndex<T extends object> {
  readonly #exact = new Map<string, T>();
  readonly #suffix = new Wildcards<T>();
  readonly #prefix = new Wildcards<T>();
  #any: T | undefined;
  #size = 0;

  /** Adds a domain; a second one of the same class and text is reported and left out. */
  add(configured: string, value: T, scope: Scope): void {
    const domain = asciiLower(byteText(configured));
    this.#size += 1;
    if (domain === "*") {
      if (this.#any !== undefined) {
        scope.report("ERR_ROUTER_DOMAIN_DUPLICATE", 'only a single wildcard domain "*" is permitted');
        return;
      }
      this.#any = value;
    } else if (domain.startsWith("*")) {
      if (this.#suffix.has(domain.slice(1))) duplicate(domain, scope);
      else this.#suffix.set(domain.slice(1), value);
    } else if (domain.endsWith("*")) {
      if (this.#prefix.has(domain.slice(0, -1))) duplicate(domain, scope);
      else this.#prefix.set(domain.slice(0, -1), value);
    } else if (this.#exact.has(domain)) duplicate(domain, scope);
    else this.#exact.set(domain, value);
  }

  /** Whether `*` is the only domain of the table: then the host is not looked at and may be absent. */
  get onlyAny(): boolean {
    return this.#size === 1 && this.#any !== undefined;
  }

  /** What `*` belongs to. */
  get any(): T | undefined {
    return this.#any;
  }

  /** The host for an authority in lower case. */
  find(host: string): T | undefined {
    return (
      this.#exact.get(host) ?? this.#suffix.find(host, tail)?.value ?? this.#prefix.find(host, head)?.value ?? this.#any
    );
  }

  /** Every class's candidate for an authority in lower case, in the order of preference: for traces. */
  candidates(host: string): readonly DomainMatch<T>[] {
    const found: DomainMatch<T>[] = [];
    const exact = this.#exact.get(host);
    if (exact !== undefined) found.push({ class: "exact", domain: host, value: exact });
    const suffix = this.#suffix.find(host, tail);
    if (suffix !== undefined) found.push({ class: "suffix", domain: `*${suffix.literal}`, value: suffix.value });
    const prefix = this.#prefix.find(host, head);
    if (prefix !== undefined) found.push({ class: "prefix", domain: `${prefix.literal}*`, value: prefix.value });
    if (this.#any !== undefined) found.push({ class: "any", domain: "*", value: this.#any });
    return found;
  }
}

function duplicate(domain: string, scope: Scope): void {
  scope.report("ERR_ROUTER_DOMAIN_DUPLICATE", `expected unique domains, got ${JSON.stringify(domain)} twice`);
}

/** Cuts off what follows the last colon; a colon inside brackets belongs to an IPv6 address. What follows need not be a number. */
export function withoutPort(host: string): string {
  const colon = host.lastIndexOf(":");
  return colon < 0 || host.lastIndexOf("]") > colon ? host : host.slice(0, colon);
}
