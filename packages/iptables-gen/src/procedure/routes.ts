import { IptablesError } from "../errors.js";
import { parseGoInt } from "../go-text.js";
import type { Settings } from "../settings.js";
import { type Command, failure, log, type Procedure, run } from "./procedure.js";

/** Words of iproute2 and the kernel for "you have that already". */
const EXISTS = /file exists|already assigned/i;

/**
 * Address and policy routing the rules count on: `::6` on loopback for IPv6, and for TPROXY a table that sends marked packets to
 * loopback. Every call adds one more `ip rule`, as the original does.
 *
 * @throws {@link IptablesError} `ERR_IPTABLES_APPLY`.
 */
export function* configureRoutes(settings: Settings): Procedure<void> {
  if (settings.dryRun) {
    yield* log("info", "skipping configuring routes due to dry run mode");
    return;
  }
  if (settings.ipv6) {
    yield* ip(["-6", "addr", "add", "::6/128", "dev", "lo"], "failed to add IPv6 inbound address", true);
    yield* log("info", "Added ::6 address on the loopback iface");
  }
  if (settings.inboundPorts === "" || settings.inboundInterceptionMode !== "TPROXY") return;
  const { mark, table } = readPolicyRoute(settings.inboundTproxyMark, settings.inboundTproxyRouteTable);
  const families = settings.ipv6 ? ["-4", "-6"] : ["-4"];
  for (const family of families) {
    const rule = [family, "rule", "add", "fwmark", mark, "lookup", table];
    yield* ip(rule, "failed to configure netlink rule", false);
  }
  for (const family of families) {
    const route = [family, "route", "add", "local", "default", "dev", "lo", "table", table];
    yield* ip(route, "failed to add route", true);
  }
}

/**
 * The same address and routes as {@link configureRoutes}, each added only where it is missing. A dry run's commands go to its
 * recorder.
 *
 * @throws {@link IptablesError} `ERR_IPTABLES_APPLY`.
 */
export function* ensureRoutes(settings: Settings): Procedure<void> {
  if (settings.ipv6) {
    const present = yield* shown(["-6", "addr", "show", "dev", "lo"], INBOUND_ADDRESS);
    if (!present) yield* ip(["-6", "addr", "add", "::6/128", "dev", "lo"], "failed to add IPv6 inbound address", true);
  }
  if (settings.inboundPorts === "" || settings.inboundInterceptionMode !== "TPROXY") return;
  const { mark, table } = readPolicyRoute(settings.inboundTproxyMark, settings.inboundTproxyRouteTable);
  const rule = new RegExp(`fwmark 0x${Number(mark).toString(16)} lookup ${table}\\b`);
  for (const family of settings.ipv6 ? ["-4", "-6"] : ["-4"]) {
    if (!(yield* shown([family, "rule", "show"], rule))) {
      yield* ip([family, "rule", "add", "fwmark", mark, "lookup", table], "failed to add rule", false);
    }
    if (!(yield* shown([family, "route", "show", "table", table], LOCAL_ROUTE))) {
      yield* ip([family, "route", "add", "local", "default", "dev", "lo", "table", table], "failed to add route", true);
    }
  }
}

/** Which packets policy routing sends to loopback, and by which table. */
export interface PolicyRoute {
  /** Mark, decimal. */
  readonly mark: string;
  /** Number of the routing table. */
  readonly table: string;
}

/**
 * The policy route of TPROXY.
 *
 * @throws {@link IptablesError} `ERR_IPTABLES_APPLY` when mark or table is no number.
 */
export function readPolicyRoute(mark: string, table: string): PolicyRoute {
  const number = integer(table, "InboundTProxyRouteTable");
  return { mark: integer(mark, "InboundTProxyMark"), table: number };
}

/**
 * Removes what {@link configureRoutes} and {@link ensureRoutes} add: one `ip rule` for each time the original ran. Only what `ip` shows
 * to be there is removed, so that no rule without a mark is taken for ours.
 *
 * @returns Whether there was anything to remove.
 */
export function* removeRoutes({ mark, table }: PolicyRoute): Procedure<boolean> {
  const removals: string[][] = [];
  for (const family of ["-4", "-6"]) {
    const rule = ["fwmark", mark, "lookup", table];
    const rules = yield* run({ program: "ip", args: [family, "rule", "show", ...rule] }, true);
    for (const line of rules.stdout.split("\n")) {
      if (line.includes("fwmark")) removals.push([family, "rule", "del", ...rule]);
    }
    if (yield* shown([family, "route", "show", "table", table], LOCAL_ROUTE)) {
      removals.push([family, "route", "del", "local", "default", "dev", "lo", "table", table]);
    }
  }
  if (yield* shown(["-6", "addr", "show", "dev", "lo"], INBOUND_ADDRESS)) {
    removals.push(["-6", "addr", "del", "::6/128", "dev", "lo"]);
  }
  for (const args of removals) yield* ip(args, `failed to run ip ${args.join(" ")}`, false);
  return removals.length > 0;
}

const LOCAL_ROUTE = /^local default dev lo/m;
const INBOUND_ADDRESS = /inet6 ::6\/128/;

function* shown(args: readonly string[], wanted: RegExp): Procedure<boolean> {
  const result = yield* run({ program: "ip", args }, true);
  return result.exitCode === 0 && wanted.test(result.stdout);
}

function integer(text: string, name: string): string {
  const parsed = parseGoInt(text);
  if (!parsed.ok) throw refuse(`failed to parse ${name}: ${parsed.message}`);
  return String(parsed.value);
}

function* ip(args: readonly string[], what: string, mayExist: boolean): Procedure<void> {
  const command: Command = { program: "ip", args };
  const result = yield* run(command, mayExist);
  const problem = failure(command, result);
  if (problem === undefined || (mayExist && EXISTS.test(result.stderr))) return;
  throw refuse(`${what}: ${result.stderr.trim() || problem}`);
}

function refuse(message: string): IptablesError {
  return new IptablesError("ERR_IPTABLES_APPLY", `failed to configure routes: ${message}`);
}
