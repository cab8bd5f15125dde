import type { HeaderList } from "../request.js";

/**
 * Fields that Envoy keeps once: a second value is joined to the first with a comma, wherever it comes from. All others stay as
 * separate lines.
 */
const joined: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "access-control-allow-credentials",
  "access-control-allow-headers",
  "access-control-allow-methods",
  "access-control-allow-origin",
  "access-control-allow-private-network",
  "access-control-expose-headers",
  "access-control-max-age",
  "access-control-request-headers",
  "access-control-request-method",
  "access-control-request-private-network",
  "authorization",
  "cache-control",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "date",
  "etag",
  "expect",
  "grpc-message",
  "grpc-status",
  "grpc-timeout",
  "keep-alive",
  "location",
  "origin",
  "proxy-connection",
  "proxy-status",
  "server",
  "te",
  "transfer-encoding",
  "upgrade",
  "user-agent",
  "vary",
  "via",
  "x-client-trace-id",
  "x-envoy-attempt-count",
  "x-envoy-decorator-operation",
  "x-envoy-degraded",
  "x-envoy-downstream-service-cluster",
  "x-envoy-downstream-service-node",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-external-address",
  "x-envoy-force-trace",
  "x-envoy-hedge-on-per-try-timeout",
  "x-envoy-internal",
  "x-envoy-ip-tags",
  "x-envoy-is-timeout-retry",
  "x-envoy-local-overloaded",
  "x-envoy-max-retries",
  "x-envoy-original-host",
  "x-envoy-original-path",
  "x-envoy-ratelimited",
  "x-envoy-retriable-header-names",
  "x-envoy-retriable-status-codes",
  "x-envoy-retry-grpc-on",
  "x-envoy-retry-on",
  "x-envoy-upstream-alt-stat-name",
  "x-envoy-upstream-canary",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-upstream-rq-timeout-alt-response",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-service-time",
  "x-envoy-upstream-stream-duration-ms",
  "x-forwarded-client-cert",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-request-id",
]);

/** Header fields while they are being changed. Names are in lower case. */
export class HeaderFields {
  readonly #list: string[];

  constructor(fields: HeaderList = []) {
    this.#list = fields.slice();
  }

  /** First value; `undefined` if absent. */
  get(name: string): string | undefined {
    for (let i = 0; i < this.#list.length; i += 2) if (this.#list[i] === name) return this.#list[i + 1];
    return undefined;
  }

  /** Whether the field is there. */
  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** All values joined with commas; `undefined` if absent. */
  joined(name: string): string | undefined {
    let out: string | undefined;
    for (let i = 0; i < this.#list.length; i += 2) {
      if (this.#list[i] !== name) continue;
      const value = this.#list[i + 1] as string;
      out = out === undefined ? value : `${out},${value}`;
    }
    return out;
  }

  /** Adds a value: as a line of its own, or joined to the one there is. */
  add(name: string, value: string): void {
    if (joined.has(name)) {
      for (let i = 0; i < this.#list.length; i += 2) {
        if (this.#list[i] !== name) continue;
        const old = this.#list[i + 1] as string;
        if (value !== "") this.#list[i + 1] = old === "" ? value : `${old},${value}`;
        return;
      }
    }
    this.#list.push(name, value);
  }

  /** Makes `value` the only value; the field moves to the end, as configured overwrites do. */
  set(name: string, value: string): void {
    this.remove(name);
    this.#list.push(name, value);
  }

  /** Makes `value` the only value of a field that is kept once, in its place: how Envoy sets its own fields. */
  put(name: string, value: string): void {
    for (let i = 0; i < this.#list.length; i += 2) {
      if (this.#list[i] !== name) continue;
      this.#list[i + 1] = value;
      return;
    }
    this.#list.push(name, value);
  }

  /** Removes every value. */
  remove(name: string): void {
    let kept = 0;
    for (let i = 0; i < this.#list.length; i += 2) {
      if (this.#list[i] === name) continue;
      this.#list[kept] = this.#list[i] as string;
      this.#list[kept + 1] = this.#list[i + 1] as string;
      kept += 2;
    }
    this.#list.length = kept;
  }

  /** The fields as a list. */
  toList(): HeaderList {
    return this.#list.slice();
  }
}
