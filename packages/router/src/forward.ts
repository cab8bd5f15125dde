import type { ClusterChoice } from "./action/cluster.js";
import type { ForwardRule } from "./action/forward.js";
import { asciiLower } from "./ascii.js";
import { type CorsRule, judgeCors } from "./cors.js";
import type {
  CorsVerdict,
  FilterConfigView,
  Forward,
  InternalRedirectVerdict,
  LocalReply,
  Mirror,
  Outcome,
  RateLimitDescriptor,
  Refusal,
  RetryVerdict,
  RouteInfo,
  Sending,
  Timeouts,
  UpstreamRequest,
  VirtualHostInfo,
} from "./decision.js";
import type { RequestFacts } from "./facts.js";
import { viewFilterConfig } from "./filter-config.js";
import type { FormatInput, RequestView } from "./format/values.js";
import { HeaderFields } from "./header/fields.js";
import { applyMutation } from "./header/mutation.js";
import { judgeRedirect } from "./internal-redirect.js";
import { applyLevels } from "./level.js";
import { buildReply } from "./local-reply.js";
import { isGrpc } from "./match/route-match.js";
import { mirrorsOf } from "./mirror.js";
import { descriptorsOf, hostLimits } from "./rate-limit.js";
import { judgeTarget } from "./redirect-target.js";
import type { HeaderList } from "./request.js";
import { judge, retryState } from "./retry/policy.js";
import type { CompiledRoute } from "./route.js";
import { type RouteSettings, settingsOf } from "./route-settings.js";
import type { TableLevel } from "./table-level.js";
import { configuredStreamMs, expectedTimeoutMs, formatGrpcTimeout, resolveTimeouts } from "./timeouts.js";
import type { CompiledHost } from "./virtual-host.js";

/** What a format may say of the response. */
type ResponseInput = Pick<FormatInput, "response" | "status" | "details" | "flags">;

/** Fields that steer Envoy's router and do not go upstream. */
const consumed = [
  "x-envoy-retry-on",
  "x-envoy-retry-grpc-on",
  "x-envoy-max-retries",
  "x-envoy-hedge-on-per-try-timeout",
  "x-envoy-retriable-header-names",
  "x-envoy-retriable-status-codes",
] as const;

/** The decision to forward. Identity, cluster and timeouts are there at once; everything else is worked out when asked for. */
export class ForwardDecision implements Forward {
  readonly kind = "forward";
  readonly cluster: string;
  readonly #table: TableLevel;
  readonly #host: CompiledHost;
  readonly #route: CompiledRoute;
  readonly #rule: ForwardRule;
  readonly #choice: ClusterChoice;
  /** Whether the cluster exists: format strings do not name one that does not. */
  readonly #known: boolean;
  readonly #facts: RequestFacts;
  #timeouts: Timeouts | undefined;
  #sent: RequestView | undefined;
  #cookies: string[] | undefined;

  constructor(
    table: TableLevel,
    host: CompiledHost,
    route: CompiledRoute,
    rule: ForwardRule,
    choice: ClusterChoice,
    known: boolean,
    facts: RequestFacts,
  ) {
    this.cluster = choice.cluster;
    this.#known = known;
    this.#table = table;
    this.#host = host;
    this.#route = route;
    this.#rule = rule;
    this.#choice = choice;
    this.#facts = facts;
  }

  get virtualHost(): VirtualHostInfo {
    return this.#host.info;
  }

  get route(): RouteInfo {
    return this.#route.info;
  }

  get priority(): "DEFAULT" | "HIGH" {
    const priority = this.#rule.action.priority;
    return priority === "HIGH" || priority === 1 ? "HIGH" : "DEFAULT";
  }

  get timeouts(): Timeouts {
    this.#timeouts ??= resolveTimeouts(this.#rule.timeouts, (name) => this.#facts.header(name), isGrpc(this.#facts));
    return this.#timeouts;
  }

  get maxRetries(): number {
    return retryState(this.#rule.retry, (name) => this.#facts.header(name), this.#facts).maxRetries;
  }

  get hedgeOnPerTryTimeout(): boolean {
    const asked = this.#facts.header("x-envoy-hedge-on-per-try-timeout");
    if (asked === "true") return true;
    return asked === "false" ? false : this.#rule.hedgeOnPerTryTimeout;
  }

  get metadataMatch(): Readonly<Record<string, unknown>> | undefined {
    const route = this.#rule.action.metadataMatch?.filterMetadata?.["envoy.lb"] as Record<string, unknown> | undefined;
    const entry = this.#choice.entry?.metadataMatch;
    return route === undefined ? entry : entry === undefined ? route : { ...route, ...entry };
  }

  get settings(): RouteSettings {
    return settingsOf(this.#route.config, this.#rule.action, this.#host);
  }

  get timeoutStatus(): 504 | 204 {
    return this.#facts.header("x-envoy-upstream-rq-timeout-alt-response") === undefined ? 504 : 204;
  }

  request(attempt = 1, sending: Sending = {}): UpstreamRequest {
    const original = this.#facts.request;
    const view: RequestView = {
      method: original.method,
      scheme: original.scheme,
      authority: original.authority,
      path: original.path,
      fields: new HeaderFields("request", original.headers),
    };
    const input = this.#input(view, attempt);
    this.#setTimeoutFields(view.fields);
    if (this.#host.config.includeRequestAttemptCount === true)
      view.fields.put("x-envoy-attempt-count", String(attempt));
    if (attempt > 1 && this.#host.config.includeIsTimeoutRetryHeader === true)
      view.fields.put("x-envoy-is-timeout-retry", String(sending.afterTimeout === true));
    const entry = this.#choice.entry;
    if (entry?.requestMutation !== undefined) applyMutation(entry.requestMutation, view.fields, input);
    if (entry !== undefined && entry.hostRewrite !== "") view.authority = entry.hostRewrite;
    applyLevels([this.#route, this.#host, this.#table], "request", this.#table.mostSpecificWins, view.fields, input);
    const { connectPort } = original;
    if (connectPort !== undefined && view.authority !== undefined) view.authority += `:${connectPort}`;
    this.#replaceHost(view, this.#rule.hostRewrite?.(input));
    this.#rewritePath(view, input);
    // The name of the chosen host is known last of all.
    if (this.#rule.action.autoHostRewrite === true && sending.hostname !== "")
      this.#replaceHost(view, sending.hostname);
    for (const name of consumed) view.fields.remove(name);
    this.#sent = view;
    return {
      method: view.method,
      scheme: view.scheme,
      authority: view.authority ?? "",
      path: view.path,
      headers: view.fields.toList(),
    };
  }

  response(status: number, headers: HeaderList, attempt = 1): HeaderList {
    const fields = new HeaderFields("response", headers);
    // Response formats see the request as it went upstream.
    if (this.#sent === undefined) this.request();
    this.finishResponse(fields, status, "via_upstream", "-", attempt);
    if (this.#host.config.includeAttemptCountInResponse === true) fields.put("x-envoy-attempt-count", String(attempt));
    for (const cookie of this.#cookies ?? []) fields.add("set-cookie", cookie);
    return fields.toList();
  }

  /** Applies the response mutations; local replies on behalf of this route use it as well. */
  finishResponse(fields: HeaderFields, status: number, details: string, flags: string, attempt: number): void {
    const original = this.#facts.request;
    const { method, scheme, authority, path } = original;
    const view = this.#sent ?? {
      method,
      scheme,
      authority,
      path,
      fields: new HeaderFields("request", original.headers),
    };
    const input = this.#input(view, attempt, { response: fields, status, details, flags });
    const entry = this.#choice.entry;
    if (entry?.responseMutation !== undefined) applyMutation(entry.responseMutation, fields, input);
    applyLevels([this.#route, this.#host, this.#table], "response", this.#table.mostSpecificWins, fields, input);
  }

  refuse(refusal: Refusal): LocalReply {
    const { status, body = "", headers = [], details, flags = "-" } = refusal;
    const modify = (fields: HeaderFields): void => {
      this.finishResponse(fields, 0, details ?? "", flags, 0);
      for (let i = 0; i + 1 < headers.length; i += 2) fields.put(headers[i] as string, headers[i + 1] as string);
    };
    return buildReply({ status, body, modify }, this.#facts);
  }

  retry(outcome: Outcome, attempt: number, now: number): RetryVerdict {
    const state = retryState(this.#rule.retry, (name) => this.#facts.header(name), this.#facts);
    return judge(state, outcome, attempt, now, this.#facts.context.random);
  }

  mirrors(): readonly Mirror[] {
    const rules = this.#rule.mirrors ?? this.#host.mirrors ?? this.#table.mirrors;
    if (rules === undefined) return [];
    const upstream = this.request();
    const fields = new HeaderFields("request", upstream.headers);
    return mirrorsOf(rules, this.#facts, upstream, this.#input({ ...upstream, fields }, 1));
  }

  hash(): bigint | undefined {
    this.#cookies = [];
    return this.#rule.hash?.(this.#facts, this.#cookies);
  }

  virtualCluster(): string {
    return this.#host.virtualClusters?.(this.#facts) ?? "";
  }

  rateLimits(stage?: number): readonly RateLimitDescriptor[] {
    const own = this.#rule.rateLimits;
    const use = this.#rule.action.includeVhRateLimits === true ? "INCLUDE" : hostLimits(this.#route, this.#host);
    const host = use === "INCLUDE" || (use === "OVERRIDE" && own === undefined) ? this.#host.rateLimits : undefined;
    const original = this.#facts.request;
    const { method, scheme, authority, path } = original;
    return descriptorsOf([...(own ?? []), ...(host ?? [])], stage, this.#facts, {
      cluster: this.cluster,
      routeMetadata: this.#route.info.metadata,
      input: () =>
        this.#input({ method, scheme, authority, path, fields: new HeaderFields("request", original.headers) }, 1),
    });
  }

  cors(): CorsVerdict {
    const levels = [this.#choice.entry?.cors, this.#route.cors, this.#host.cors, this.#table.cors];
    return judgeCors(
      levels.filter((level): level is CorsRule => level !== undefined),
      this.#facts,
    );
  }

  filterConfig(name: string): FilterConfigView | undefined {
    return viewFilterConfig(name, [
      this.#choice.entry?.filterConfigs,
      this.#route.filterConfigs,
      this.#host.filterConfigs,
      this.#table.filterConfigs,
    ]);
  }

  upgrade(type: string): boolean | undefined {
    return this.#rule.upgrades?.get(asciiLower(type));
  }

  internalRedirect(
    status: number,
    headers: HeaderList,
    followed: number,
    visited: readonly string[] = [],
  ): InternalRedirectVerdict {
    const rule = this.#rule.internalRedirect;
    if (rule === undefined) return { kind: "pass", reason: "not enabled" };
    if (this.#sent === undefined) this.request();
    const overTls = this.#facts.request.connection?.tls !== undefined;
    const verdict = judgeRedirect(rule, status, headers, followed, this.#sent as RequestView, overTls);
    if (verdict.kind === "pass") return verdict;
    const next = { ...this.#facts.request, ...verdict.request };
    return judgeTarget(rule, verdict, this.#table.reroute(next, this.#facts.context), visited);
  }

  // One literal, not a spread: copying the object takes longer than the rest of a response.
  #input(request: RequestView, attempt: number, response?: ResponseInput): FormatInput {
    return {
      facts: this.#facts,
      request,
      response: response?.response,
      status: response?.status ?? 0,
      details: response?.details,
      flags: response?.flags,
      route: this.#route.info,
      virtualHost: this.#host.info,
      cluster: this.#known ? this.cluster : "",
      // Envoy settles it when it begins to forward; an answer of its own comes before.
      virtualCluster: () => (attempt === 0 ? "" : this.virtualCluster()),
      attempt,
    };
  }

  #setTimeoutFields(fields: HeaderFields): void {
    fields.remove("x-envoy-upstream-rq-timeout-ms");
    fields.remove("x-envoy-upstream-rq-per-try-timeout-ms");
    fields.remove("x-envoy-upstream-rq-timeout-alt-response");
    fields.remove("x-envoy-upstream-stream-duration-ms");
    fields.remove("x-envoy-upstream-alt-stat-name");
    const policy = this.#rule.timeouts;
    const streamMs = policy.newStyle ? (configuredStreamMs(policy, (name) => this.#facts.header(name)) ?? 0) : 0;
    if (streamMs > 0 && isGrpc(this.#facts)) fields.put("grpc-timeout", formatGrpcTimeout(streamMs));
    const expected = expectedTimeoutMs(this.timeouts, this.hedgeOnPerTryTimeout, 0);
    if (expected === undefined) return;
    fields.put("x-envoy-expected-rq-timeout-ms", String(expected));
    if (policy.maxGrpcMs !== undefined && !policy.newStyle && isGrpc(this.#facts))
      fields.put("grpc-timeout", formatGrpcTimeout(expected));
  }

  #replaceHost(view: RequestView, rewritten: string | undefined): void {
    if (rewritten === undefined) return;
    const old = view.authority ?? "";
    if (old !== "") view.fields.put("x-envoy-original-host", old);
    if (this.#rule.action.appendXForwardedHost === true && old !== "") {
      const last = view.fields
        .get("x-forwarded-host")
        ?.split(",")
        .findLast((host) => host !== "");
      if (last !== old) view.fields.add("x-forwarded-host", old);
    }
    view.authority = rewritten;
  }

  #rewritePath(view: RequestView, input: FormatInput): void {
    if (view.path === undefined) return;
    const rewritten = this.#rule.pathRewrite?.(view.path, input);
    if (rewritten === undefined) return;
    view.fields.put("x-envoy-original-path", view.path);
    view.path = rewritten;
  }
}
