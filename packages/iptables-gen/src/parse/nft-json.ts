import { NFT_TABLES } from "../chains.js";
import { IptablesError } from "../errors.js";
import type { AddressMatch, Family, Match, Rule, Table, Target } from "../rule.js";
import type { SavedChain, SavedRule, SavedTable } from "./iptables-save.js";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const BOTH: readonly Family[] = ["ipv4", "ipv6"];

/**
 * Reads what `nft -j list ruleset` prints: istio's native tables, under the names their chains have in iptables. Expressions that are not
 * understood are kept as JSON.
 *
 * @throws {@link IptablesError} `ERR_IPTABLES_PARSE` when the text is not nft's JSON.
 */
export function parseNftJson(text: string): readonly SavedTable[] {
  const objects = readObjects(text);
  const tables = new Map<Table, Map<string, SavedRule[]>>();
  for (const object of objects) {
    const chain = field(object, "chain");
    const rule = field(object, "rule");
    const holder = chain ?? rule;
    const known = NFT_TABLES.find(({ name }) => name === field(holder, "table"));
    if (known === undefined || field(holder, "family") !== "inet") continue;
    const chains = tables.get(known.table) ?? new Map<string, SavedRule[]>();
    tables.set(known.table, chains);
    const name = String(field(chain, "name") ?? field(rule, "chain"))
      .toUpperCase()
      .replaceAll("-", "_");
    const rules = chains.get(name) ?? [];
    chains.set(name, rules);
    if (rule !== undefined) rules.push(readRule(known.table, name, field(rule, "expr")));
  }
  return [...tables].map(([name, chains]) => ({
    name,
    chains: [...chains].map(([chain, rules]): SavedChain => ({ name: chain, policy: "ACCEPT", rules })),
  }));
}

function readObjects(text: string): readonly Json[] {
  try {
    const list = field(JSON.parse(text) as Json, "nftables");
    if (Array.isArray(list)) return list as readonly Json[];
  } catch (error) {
    throw new IptablesError("ERR_IPTABLES_PARSE", "expected the JSON of nft -j list ruleset, got other text", {
      cause: error,
    });
  }
  throw new IptablesError("ERR_IPTABLES_PARSE", "expected an object with a list `nftables`");
}

function field(json: Json | undefined, key: string): Json | undefined {
  if (json === null || typeof json !== "object" || Array.isArray(json)) return undefined;
  return Object.hasOwn(json, key) ? (json as { readonly [key: string]: Json })[key] : undefined;
}

function readRule(table: Table, chain: string, expressions: Json | undefined): SavedRule {
  const matches: Match[] = [];
  let target: Target = { kind: "continue" };
  let packets: number | undefined;
  for (const expression of Array.isArray(expressions) ? (expressions as readonly Json[]) : []) {
    const match = field(expression, "match");
    const counter = field(expression, "counter");
    if (counter !== undefined) packets = Number(field(counter, "packets") ?? 0);
    else if (match !== undefined) matches.push(readMatch(match));
    else target = combine(target, readTarget(expression));
  }
  const family = matches.find(
    (match): match is AddressMatch => match.kind === "source" || match.kind === "destination",
  );
  const families = family === undefined ? BOTH : family.range.includes(":") ? (["ipv6"] as const) : (["ipv4"] as const);
  const words = [JSON.stringify(expressions)];
  return { table, chain, families, matches, target, why: "", words, ...(packets === undefined ? {} : { packets }) };
}

/** nft writes TPROXY as three statements: the socket, the mark, and that the packet is accepted. */
function combine(before: Target, next: Target): Target {
  if (before.kind !== "tproxy") return before.kind === "continue" ? next : { kind: "opaque", words: [] };
  return next.kind === "set-mark" ? { ...before, mark: next.mark } : before;
}

function readTarget(expression: Json): Target {
  for (const kind of ["return", "accept", "drop"] as const) if (field(expression, kind) !== undefined) return { kind };
  for (const kind of ["jump", "goto"] as const) {
    const target = field(field(expression, kind), "target");
    if (typeof target === "string") return { kind, chain: target.toUpperCase().replaceAll("-", "_") };
  }
  const redirect = scalar(field(field(expression, "redirect"), "port"));
  if (redirect !== undefined) return { kind: "redirect", port: redirect };
  const tproxy = scalar(field(field(expression, "tproxy"), "port"));
  if (tproxy !== undefined) return { kind: "tproxy", port: tproxy, mark: "0" };
  const mangle = field(expression, "mangle");
  return (
    (mangle === undefined ? undefined : readMangle(mangle)) ?? { kind: "opaque", words: [JSON.stringify(expression)] }
  );
}

function readMangle(mangle: Json): Target | undefined {
  const key = field(mangle, "key");
  const value = field(mangle, "value");
  const of = (json: Json | undefined, owner: string): Json | undefined => field(field(json, owner), "key");
  if (of(key, "ct") === "zone") return { kind: "zone", zone: String(value) };
  if (of(key, "ct") === "mark" && of(value, "meta") === "mark") return { kind: "save-mark" };
  if (of(key, "meta") !== "mark") return undefined;
  if (of(value, "ct") === "mark") return { kind: "restore-mark" };
  return typeof value === "number" ? { kind: "set-mark", mark: String(value) } : undefined;
}

function readMatch(match: Json): Match {
  const [left, right, op] = [field(match, "left"), field(match, "right"), field(match, "op")];
  const not = op === "!=" ? ({ negated: true } as const) : {};
  const meta = field(field(left, "meta"), "key");
  const ct = field(field(left, "ct"), "key");
  const payload = field(left, "payload");
  const known =
    // Other operators compare: `dport < 1024`.
    op !== "==" && op !== "!=" && op !== "in"
      ? undefined
      : ((typeof meta === "string" ? metaMatch(meta, right, not) : undefined) ??
        (typeof ct === "string" ? ctMatch(ct, right, not) : undefined) ??
        (payload === undefined ? undefined : payloadMatch(payload, right, not)));
  return known ?? { kind: "opaque", words: [JSON.stringify(match)] };
}

type Negation = { readonly negated?: true };

/** A single value; undefined for sets, ranges and whatever else nft knows. */
function scalar(json: Json | undefined): string | undefined {
  return typeof json === "string" || typeof json === "number" ? String(json) : undefined;
}

function metaMatch(key: string, right: Json | undefined, not: Negation): Match | undefined {
  const value = scalar(right);
  if (value === undefined) return undefined;
  switch (key) {
    case "iifname":
      return { kind: "in-interface", name: value, ...not };
    case "oifname":
      return { kind: "out-interface", name: value, ...not };
    case "l4proto":
      return { kind: "protocol", protocol: value, ...not };
    case "nfproto":
      if (not.negated === true || (value !== "ipv4" && value !== "ipv6")) return undefined;
      return { kind: "family", family: value };
    case "skuid":
      return { kind: "owner-user", id: value, ...not };
    case "skgid":
      return { kind: "owner-group", id: value, ...not };
    case "mark":
      return { kind: "mark", value, ...not };
    default:
      return undefined;
  }
}

function ctMatch(key: string, right: Json | undefined, not: Negation): Match | undefined {
  const value = scalar(right);
  if (key === "mark") return value === undefined ? undefined : { kind: "connection-mark", value, ...not };
  if (key !== "state" || not.negated === true) return undefined;
  const states = (Array.isArray(right) ? (right as readonly Json[]) : [right]).map(scalar);
  return states.every((state) => state !== undefined)
    ? { kind: "connection-state", states: states.map((state) => state.toUpperCase()) }
    : undefined;
}

function payloadMatch(payload: Json, right: Json | undefined, not: Negation): Match | undefined {
  const protocol = field(payload, "protocol");
  const name = field(payload, "field");
  if ((protocol === "ip" || protocol === "ip6") && (name === "saddr" || name === "daddr")) {
    const range = rangeText(right);
    return range === undefined ? undefined : { kind: name === "saddr" ? "source" : "destination", range, ...not };
  }
  if ((protocol === "tcp" || protocol === "udp") && (name === "sport" || name === "dport")) {
    const ports = portTexts(right);
    return ports === undefined
      ? undefined
      : { kind: name === "sport" ? "source-port" : "destination-port", protocol, ports, ...not };
  }
  return undefined;
}

function rangeText(right: Json | undefined): string | undefined {
  const prefix = field(right, "prefix");
  if (prefix !== undefined) return `${field(prefix, "addr")}/${field(prefix, "len")}`;
  const address = scalar(right);
  return address === undefined ? undefined : `${address}/${address.includes(":") ? 128 : 32}`;
}

function portTexts(right: Json | undefined): readonly string[] | undefined {
  const set = field(right, "set");
  const items = (Array.isArray(set) ? (set as readonly Json[]) : [right]).map((item) => {
    const range = field(item, "range");
    return Array.isArray(range) ? range.join("-") : scalar(item);
  });
  return items.every((item) => item !== undefined) ? items : undefined;
}

/** A rule in the form nft keeps it in: what a port says of the protocol is not said twice, nor what an address says of the family. */
export function nftNormalRule(rule: Rule): Rule {
  const port = rule.matches.some((match) => match.kind === "source-port" || match.kind === "destination-port");
  const matches = rule.matches.filter((match) => !(match.kind === "protocol" && (port || match.only === "iptables")));
  return {
    ...rule,
    matches: matches.map((match) =>
      match.kind === "protocol" ? { kind: "protocol", protocol: match.protocol } : match,
    ),
  };
}
