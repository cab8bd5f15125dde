import type { RouteConfiguration, VirtualHost } from "@weftmesh/xds-types/envoy/config/route/v3";
import { chooseCluster, compilePlugin } from "./action/cluster.js";
import { asciiLower, byteText } from "./ascii.js";
import { levelCors } from "./cors.js";
import type { Decision, RouteContext } from "./decision.js";
import { DomainIndex, withoutPort } from "./domain-index.js";
import type { Issue } from "./errors.js";
import { explainRoute, type Trace } from "./explain.js";
import type { ClusterSpecifier } from "./extension.js";
import { RequestFacts } from "./facts.js";
import { compileFilterConfigs } from "./filter-config.js";
import { findRoute } from "./find-route.js";
import { ForwardDecision } from "./forward.js";
import { compileMutation } from "./header/mutation.js";
import { ClusterNotFound, DirectDecision, NoRouteDecision, RedirectDecision, TlsRedirect } from "./local-decision.js";
import { compileMirrors } from "./mirror.js";
import type { RouteRequest } from "./request.js";
import type { Accept, IndexStats } from "./route-index.js";
import { Scope } from "./scope.js";
import { checkShape } from "./shape/check-shape.js";
import { type Surroundings, type SurroundingsOptions, surroundingsOf } from "./surroundings.js";
import type { TableLevel } from "./table-level.js";
import { CompiledHost, type HostDefaults, refuseSpecifiers } from "./virtual-host.js";

/** Surroundings of a table; everything is optional. */
export interface RouteOptions extends SurroundingsOptions {
  /** Whether unknown clusters refuse the table when the table itself does not say: Envoy's default is true for static tables, false over RDS. Default false. */
  readonly validateClusters?: boolean | undefined;
  /** Where the configuration stands in the user's input; put before each issue's path. */
  readonly path?: string | undefined;
}

/** A compiled, immutable RouteConfiguration. */
export interface RouteTable {
  /** The table's `name`. */
  readonly name: string;
  /** What is odd about the configuration without refusing it. */
  readonly warnings: readonly Issue[];
  /** Decides one request. Never throws; the same arguments give the same answer. */
  route(request: RouteRequest, context: RouteContext): Decision;
  /** Decides a request and says why: hosts by class, each route's first failing test, near misses. Costs nothing when not asked. */
  explain(request: RouteRequest, context: RouteContext): Trace;
  /** How the routes are found, by virtual host. */
  stats(): readonly HostStats[];
  /**
   * A table with hosts added, replaced by name, or removed, as VHDS does it; all others are shared, not compiled again.
   *
   * @throws {@link RouterError} with every problem of the new hosts, and of domains that now clash.
   */
  withHosts(change: { readonly set?: readonly VirtualHost[]; readonly remove?: readonly string[] }): RouteTable;
}

/**
 * Compiles a RouteConfiguration.
 *
 * @param config - The message, as `@weftmesh/xds-types` reads it.
 * @throws {@link RouterError} with every problem found.
 */
export function compileRoutes(config: RouteConfiguration, options: RouteOptions = {}): RouteTable {
  return CompiledTable.compile(config, options);
}

/** How the routes of one virtual host are found. */
export interface HostStats extends IndexStats {
  /** The host's name. */
  readonly virtualHost: string;
}

interface HostEntry {
  readonly host: CompiledHost;
  readonly where: string;
}

/** The table behind {@link compileRoutes}; other files of this package look inside. */
export class CompiledTable implements RouteTable {
  readonly name: string;
  readonly config: RouteConfiguration;
  readonly warnings: readonly Issue[];
  readonly level: TableLevel;
  readonly surroundings: Surroundings;
  readonly hosts: ReadonlyMap<string, HostEntry>;
  readonly #domains: DomainIndex<CompiledHost>;
  readonly #defaults: HostDefaults;
  readonly #vhostHeader: string;

  private constructor(
    config: RouteConfiguration,
    level: Omit<TableLevel, "reroute">,
    hosts: ReadonlyMap<string, HostEntry>,
    defaults: HostDefaults,
    scope: Scope,
    surroundings: Surroundings,
  ) {
    this.name = config.name ?? "";
    this.config = config;
    this.level = { ...level, reroute: (request, context) => this.route(request, context) };
    this.hosts = hosts;
    this.surroundings = surroundings;
    this.#defaults = defaults;
    this.#vhostHeader = asciiLower(byteText(config.vhostHeader ?? ""));
    this.#domains = indexDomains(hosts.values(), scope);
    scope.throwIfRefused();
    this.warnings = scope.issues;
  }

  static compile(unchecked: RouteConfiguration, options: RouteOptions): CompiledTable {
    const scope = Scope.root(options.path);
    const config = checkShape(unchecked, "envoy.config.route.v3.RouteConfiguration", scope);
    const surroundings = surroundingsOf(options);
    const validateClusters = config.validateClusters ?? options.validateClusters ?? false;
    const level: Omit<TableLevel, "reroute"> = {
      request: compileMutation(
        config.requestHeadersToAdd,
        config.requestHeadersToRemove,
        "request",
        scope,
        surroundings,
      ),
      response: compileMutation(
        config.responseHeadersToAdd,
        config.responseHeadersToRemove,
        "response",
        scope,
        surroundings,
      ),
      mostSpecificWins: config.mostSpecificHeaderMutationsWins === true,
      mirrors: compileMirrors(config.requestMirrorPolicies, scope, surroundings, validateClusters),
      filterConfigs: compileFilterConfigs(config.typedPerFilterConfig, scope),
      cors: levelCors(config.typedPerFilterConfig, undefined, "", scope, surroundings),
    };
    refuseSpecifiers(config.routeSpecifiers, scope);
    const plugins = new Map<string, ClusterSpecifier | undefined>();
    config.clusterSpecifierPlugins?.forEach((plugin, i) => {
      const where = scope.item("cluster_specifier_plugins", i).field("extension");
      const compiled = compilePlugin(plugin.extension?.typedConfig, plugin.isOptional === true, where, surroundings);
      plugins.set(plugin.extension?.name ?? "", compiled);
    });
    const defaults: HostDefaults = {
      plugins,
      maxBodyBytes: config.maxDirectResponseBodySizeBytes ?? 4096,
      validateClusters,
    };
    const hosts = new Map<string, HostEntry>();
    config.virtualHosts?.forEach((host, i) => {
      const where = `virtual_hosts[${i}]`;
      const compiled = new CompiledHost(host, where, defaults, scope.item("virtual_hosts", i), surroundings);
      // Names need not be unique in a static table.
      hosts.set(hosts.has(compiled.info.name) ? `${compiled.info.name}\0${i}` : compiled.info.name, {
        host: compiled,
        where,
      });
    });
    return new CompiledTable(config, level, hosts, defaults, scope, surroundings);
  }

  withHosts(change: { readonly set?: readonly VirtualHost[]; readonly remove?: readonly string[] }): RouteTable {
    const scope = Scope.root();
    const hosts = new Map(this.hosts);
    for (const name of change.remove ?? []) hosts.delete(name);
    change.set?.forEach((unchecked, i) => {
      const place = scope.entry("virtual_hosts", nameOf(unchecked) ?? String(i));
      const host = checkShape(unchecked, "envoy.config.route.v3.VirtualHost", place);
      const where = `virtual_hosts[${JSON.stringify(host.name ?? i)}]`;
      const compiled = new CompiledHost(host, where, this.#defaults, place, this.surroundings);
      hosts.set(compiled.info.name, { host: compiled, where });
    });
    return new CompiledTable(this.config, this.level, hosts, this.#defaults, scope, this.surroundings);
  }

  explain(request: RouteRequest, context: RouteContext): Trace {
    return explainRoute(this, request, context);
  }

  stats(): readonly HostStats[] {
    return [...this.hosts.values()].map(({ host }) => ({ virtualHost: host.info.name, ...host.index.stats }));
  }

  route(request: RouteRequest, context: RouteContext): Decision {
    return this.decide(this.factsOf(request, context));
  }

  /** A request as this table looks at it. */
  factsOf(request: RouteRequest, context: RouteContext): RequestFacts {
    return new RequestFacts(request, context, this.config.ignorePathParametersInPathMatching === true);
  }

  /** The decision for a request. */
  decide(facts: RequestFacts): Decision {
    const host = this.hostOf(facts);
    if (host === undefined) return new NoRouteDecision("no-virtual-host", undefined, facts);
    return this.#inHost(host, facts);
  }

  /** The virtual host for a request. */
  hostOf(facts: RequestFacts): CompiledHost | undefined {
    if (this.#domains.onlyAny) return this.#domains.any;
    const host = this.authorityOf(facts);
    return host === undefined ? undefined : this.#domains.find(host);
  }

  /** The text that selects the host: lower-cased, port cut off if the table says so; `undefined` if the request has none. */
  authorityOf(facts: RequestFacts): string | undefined {
    const raw = this.#vhostHeader === "" ? facts.request.authority : facts.header(this.#vhostHeader);
    if (raw === undefined) return undefined;
    const host = asciiLower(raw);
    return this.config.ignorePortInHostMatching === true ? withoutPort(host) : host;
  }

  /** Every host a request could belong to, in the order of preference. */
  hostCandidates(host: string): ReturnType<DomainIndex<CompiledHost>["candidates"]> {
    return this.#domains.candidates(host);
  }

  #inHost(host: CompiledHost, facts: RequestFacts): Decision {
    // Without x-forwarded-proto Envoy has no idea whether TLS is needed, and routes nothing.
    const proto = facts.header("x-forwarded-proto");
    if (proto === undefined || proto === "") return new NoRouteDecision("no-forwarded-proto", host, facts);
    if (host.needsTls(facts)) return new TlsRedirect(host, facts);
    const route = findRoute(host, facts, acceptOf(facts.context));
    if (route === undefined) return new NoRouteDecision("no-match", host, facts);
    const rule = route.rule;
    switch (rule.kind) {
      case "forward": {
        const choice = chooseCluster(rule.choose, facts);
        if (choice === undefined) return new NoRouteDecision("no-match", host, facts);
        const known = choice.cluster !== "" && this.surroundings.clusters?.has(choice.cluster) !== false;
        const forward = new ForwardDecision(this.level, host, route, rule, choice, known, facts);
        return known ? forward : new ClusterNotFound(rule.notFoundStatus, forward);
      }
      case "redirect":
        return new RedirectDecision(this.level, host, route, rule, facts);
      case "direct-response":
        return new DirectDecision(this.level, host, route, rule, facts);
      case "passive":
        return new NoRouteDecision("no-match", host, facts);
    }
  }
}

/** The name of something that may not be a host at all. */
function nameOf(host: VirtualHost | undefined): string | undefined {
  return typeof host?.name === "string" ? host.name : undefined;
}

function acceptOf(context: RouteContext): Accept | undefined {
  const accept = context.accept;
  return accept === undefined ? undefined : (route, more) => accept(route.info, more);
}

function indexDomains(entries: Iterable<HostEntry>, scope: Scope): DomainIndex<CompiledHost> {
  const domains = new DomainIndex<CompiledHost>();
  for (const { host, where } of entries) {
    const place = scope.field(where);
    const list = host.config.domains ?? [];
    if (list.length === 0)
      place.field("domains").report("ERR_ROUTER_FIELD_INVALID", "expected at least one domain, got none");
    list.forEach((domain, i) => {
      domains.add(domain, host, place.item("domains", i));
    });
  }
  return domains;
}
