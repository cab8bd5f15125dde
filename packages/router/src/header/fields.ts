import type { HeaderList } from "../request.js";

/**
 * Fields that Envoy keeps once: a second value is joined to the first with a comma, wherever it comes from. All others stay as
 * separate lines. Requests and responses have their own lists, read off Envoy 1.40 by sending and adding every one of them twice.
 */
const either =
  "cache-control connection content-encoding content-length content-type keep-alive proxy-connection " +
  "proxy-status transfer-encoding upgrade via x-envoy-attempt-count x-envoy-decorator-operation x-request-id";
const ofRequests =
  "accept accept-encoding access-control-request-headers access-control-request-method " +
  "access-control-request-private-network authorization expect grpc-accept-encoding grpc-timeout if-match " +
  "if-none-match if-range origin pragma referer te user-agent x-client-trace-id " +
  "x-envoy-downstream-service-cluster x-envoy-downstream-service-node x-envoy-expected-rq-timeout-ms " +
  "x-envoy-external-address x-envoy-force-trace x-envoy-hedge-on-per-try-timeout x-envoy-internal " +
  "x-envoy-ip-tags x-envoy-is-timeout-retry x-envoy-max-retries x-envoy-original-host x-envoy-original-path " +
  "x-envoy-retriable-header-names x-envoy-retriable-status-codes x-envoy-retry-grpc-on x-envoy-retry-on " +
  "x-envoy-upstream-alt-stat-name x-envoy-upstream-rq-per-try-timeout-ms " +
  "x-envoy-upstream-rq-timeout-alt-response x-envoy-upstream-rq-timeout-ms x-envoy-upstream-stream-duration-ms " +
  "x-forwarded-client-cert x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-proto";
const ofResponses =
  "access-control-allow-credentials access-control-allow-headers access-control-allow-methods " +
  "access-control-allow-origin access-control-allow-private-network access-control-expose-headers " +
  "access-control-max-age age date etag expires grpc-message grpc-status last-modified location server vary " +
  "x-envoy-degraded x-envoy-immediate-health-check-fail x-envoy-ratelimited x-envoy-upstream-canary " +
  "x-envoy-upstream-healthchecked-cluster x-envoy-upstream-service-time";

const joinedInRequests: ReadonlySet<string> = new Set(`${either} ${ofRequests}`.split(" "));
const joinedInResponses: ReadonlySet<string> = new Set(`${either} ${ofResponses}`.split(" "));

/** Whether fields belong to a request or to a response. */
export type FieldsOf = "request" | "response";

/** Header fields while they are being changed. Names are in lower case. */
export class HeaderFields {
  readonly #list: string[];
  readonly #joined: ReadonlySet<string>;

  constructor(of: FieldsOf, fields: HeaderList = []) {
    this.#list = fields.slice();
    this.#joined = of === "request" ? joinedInRequests : joinedInResponses;
  }

  /** The same with what is kept once joined: as Envoy's codec reads it. */
  static read(of: FieldsOf, fields: HeaderList): HeaderFields {
    const read = new HeaderFields(of);
    for (let i = 0; i + 1 < fields.length; i += 2) read.add(fields[i] as string, fields[i + 1] as string);
    return read;
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
    if (this.#joined.has(name)) {
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
