import { type DirectRule, directBody } from "./action/direct-response.js";
import { locationOf, ownLocation, type RedirectRule } from "./action/redirect.js";
import type {
  CorsVerdict,
  DirectResponse,
  FilterConfigView,
  LocalReply,
  NoRoute,
  Redirect,
  Refusal,
  RouteInfo,
  VirtualHostInfo,
} from "./decision.js";
import type { RequestFacts } from "./facts.js";
import { viewFilterConfig } from "./filter-config.js";
import type { FormatInput } from "./format/values.js";
import type { ForwardDecision } from "./forward.js";
import { HeaderFields } from "./header/fields.js";
import { applyLevels } from "./level.js";
import { buildReply } from "./local-reply.js";
import type { HeaderList } from "./request.js";
import type { CompiledRoute } from "./route.js";
import type { TableLevel } from "./table-level.js";
import type { CompiledHost } from "./virtual-host.js";

function inputOf(facts: RequestFacts, host: CompiledHost, route: RouteInfo | undefined): FormatInput {
  const request = facts.request;
  return {
    facts,
    request: {
      method: request.method,
      scheme: request.scheme,
      authority: request.authority,
      path: request.path,
      fields: new HeaderFields("request", request.headers),
    },
    // While the router writes its own answer, the response has no status yet.
    status: 0,
    details: "direct_response",
    flags: "-",
    route,
    virtualHost: host.info,
    attempt: 0,
  };
}

/** A refusal without mutations: Envoy has them from routes that forward only. */
function refusalReply({ status, body = "", headers = [] }: Refusal, facts: RequestFacts): LocalReply {
  const modify = (fields: HeaderFields): void => {
    for (let i = 0; i + 1 < headers.length; i += 2) fields.put(headers[i] as string, headers[i + 1] as string);
  };
  return buildReply({ status, body, modify }, facts);
}

/** What local answers of a route have in common: the route's mutations of a response. */
interface Mutable {
  /** The response as router_check_tool sees it: the body's fields first, then the mutations. */
  checkResponse(headers: HeaderList): HeaderList;
}

/** A redirect that a route asks for. */
export class RedirectDecision implements Redirect, Mutable {
  readonly kind = "redirect";
  readonly #table: TableLevel;
  readonly #host: CompiledHost;
  readonly #route: CompiledRoute;
  readonly #rule: RedirectRule;
  readonly #facts: RequestFacts;

  constructor(table: TableLevel, host: CompiledHost, route: CompiledRoute, rule: RedirectRule, facts: RequestFacts) {
    this.#table = table;
    this.#host = host;
    this.#route = route;
    this.#rule = rule;
    this.#facts = facts;
  }

  get virtualHost(): VirtualHostInfo {
    return this.#host.info;
  }

  get route(): RouteInfo {
    return this.#route.info;
  }

  get status(): number {
    return this.#rule.status;
  }

  get location(): string {
    const input = this.#rewritten();
    return input.request.path === undefined ? "" : locationOf(this.#rule, input);
  }

  /** The request after the redirect's own path rewrite, which is a step of its own and leaves its trace in the fields. */
  #rewritten(): FormatInput {
    const input = inputOf(this.#facts, this.#host, this.#route.info);
    const path = input.request.path;
    const rewritten = path === undefined ? undefined : this.#rule.pathRewrite?.(path, input);
    if (path !== undefined && rewritten !== undefined) {
      input.request.fields.put("x-envoy-original-path", path);
      input.request.path = rewritten;
    }
    return input;
  }

  checkResponse(headers: HeaderList): HeaderList {
    const fields = new HeaderFields("response", headers);
    const levels = [this.#route, this.#host, this.#table] as const;
    applyLevels(levels, "response", this.#table.mostSpecificWins, fields, { ...this.#rewritten(), response: fields });
    return fields.toList();
  }

  reply(): LocalReply {
    const input = this.#rewritten();
    return buildReply(
      {
        status: this.status,
        body: "",
        // A plain CONNECT has no path to send elsewhere.
        location: input.request.path === undefined ? undefined : locationOf(this.#rule, input),
        modify: (fields) => {
          const levels = [this.#route, this.#host, this.#table] as const;
          applyLevels(levels, "response", this.#table.mostSpecificWins, fields, { ...input, response: fields });
        },
      },
      this.#facts,
    );
  }

  filterConfig(name: string): FilterConfigView | undefined {
    return viewFilterConfig(name, [this.#route.filterConfigs, this.#host.filterConfigs, this.#table.filterConfigs]);
  }

  refuse(refusal: Refusal): LocalReply {
    return refusalReply(refusal, this.#facts);
  }
}

/** The redirect to TLS that a virtual host asks for. No mutation applies to it. */
export class TlsRedirect implements Redirect {
  readonly kind = "redirect";
  readonly status = 301;
  readonly route: undefined;
  readonly #host: CompiledHost;
  readonly #facts: RequestFacts;

  constructor(host: CompiledHost, facts: RequestFacts) {
    this.#host = host;
    this.#facts = facts;
  }

  get virtualHost(): VirtualHostInfo {
    return this.#host.info;
  }

  get location(): string {
    const { authority = "", path } = this.#facts.request;
    return path === undefined ? "" : `https://${authority}${path}`;
  }

  reply(): LocalReply {
    return buildReply({ status: this.status, body: "", location: this.location || undefined }, this.#facts);
  }

  filterConfig(): undefined {
    return undefined;
  }

  refuse(refusal: Refusal): LocalReply {
    return refusalReply(refusal, this.#facts);
  }
}

/** A configured answer. */
export class DirectDecision implements DirectResponse, Mutable {
  readonly kind = "direct-response";
  readonly details = "direct_response";
  readonly #table: TableLevel;
  readonly #host: CompiledHost;
  readonly #route: CompiledRoute;
  readonly #rule: DirectRule;
  readonly #facts: RequestFacts;

  constructor(table: TableLevel, host: CompiledHost, route: CompiledRoute, rule: DirectRule, facts: RequestFacts) {
    this.#table = table;
    this.#host = host;
    this.#route = route;
    this.#rule = rule;
    this.#facts = facts;
  }

  get virtualHost(): VirtualHostInfo {
    return this.#host.info;
  }

  get route(): RouteInfo {
    return this.#route.info;
  }

  get status(): number {
    return this.#rule.status;
  }

  cors(): CorsVerdict {
    return { kind: "none" };
  }

  checkResponse(headers: HeaderList): HeaderList {
    const input = inputOf(this.#facts, this.#host, this.#route.info);
    const { body, contentType } = directBody(this.#rule, input);
    const fields = new HeaderFields("response", headers);
    if (body !== "") {
      fields.put("content-length", String(body.length));
      fields.put("content-type", contentType ?? "text/plain");
    }
    const levels = [this.#route, this.#host, this.#table] as const;
    applyLevels(levels, "response", this.#table.mostSpecificWins, fields, { ...input, response: fields });
    return fields.toList();
  }

  reply(): LocalReply {
    const input = inputOf(this.#facts, this.#host, this.#route.info);
    const { body, contentType } = directBody(this.#rule, input);
    // A status that points somewhere points to the request itself when the route says nothing else.
    const pointsAway = this.status === 201 || (this.status >= 300 && this.status < 400);
    return buildReply(
      {
        status: this.status,
        body,
        contentType,
        location: pointsAway && input.request.path !== undefined ? ownLocation(input) : undefined,
        modify: (fields) => {
          const levels = [this.#route, this.#host, this.#table] as const;
          applyLevels(levels, "response", this.#table.mostSpecificWins, fields, { ...input, response: fields });
        },
      },
      this.#facts,
    );
  }

  filterConfig(name: string): FilterConfigView | undefined {
    return viewFilterConfig(name, [this.#route.filterConfigs, this.#host.filterConfigs, this.#table.filterConfigs]);
  }

  refuse(refusal: Refusal): LocalReply {
    return refusalReply(refusal, this.#facts);
  }
}

/** The answer of a route whose cluster does not exist. */
export class ClusterNotFound implements DirectResponse {
  readonly kind = "direct-response";
  readonly details = "cluster_not_found";
  readonly status: number;
  /** What forwarding would have been; its cluster is the missing one. */
  readonly forward: ForwardDecision;

  constructor(status: number, forward: ForwardDecision) {
    this.status = status;
    this.forward = forward;
  }

  get virtualHost(): VirtualHostInfo {
    return this.forward.virtualHost;
  }

  get route(): RouteInfo {
    return this.forward.route;
  }

  get cluster(): string {
    return this.forward.cluster;
  }

  cors(): CorsVerdict {
    return this.forward.cors();
  }

  reply(): LocalReply {
    return this.forward.refuse({ status: this.status, details: "cluster_not_found", flags: "NC" });
  }

  filterConfig(name: string): FilterConfigView | undefined {
    return this.forward.filterConfig(name);
  }

  refuse(refusal: Refusal): LocalReply {
    return this.forward.refuse(refusal);
  }
}

/** No host, or no route of it. */
export class NoRouteDecision implements NoRoute {
  readonly kind = "no-route";
  readonly reason: NoRoute["reason"];
  readonly virtualHost: VirtualHostInfo | undefined;
  readonly #facts: RequestFacts;

  constructor(reason: NoRoute["reason"], host: CompiledHost | undefined, facts: RequestFacts) {
    this.reason = reason;
    this.virtualHost = host?.info;
    this.#facts = facts;
  }

  reply(): LocalReply {
    return buildReply({ status: 404, body: "" }, this.#facts);
  }

  refuse(refusal: Refusal): LocalReply {
    return refusalReply(refusal, this.#facts);
  }
}
