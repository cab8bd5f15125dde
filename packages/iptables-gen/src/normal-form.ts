import { formatAddress, parsePrefix } from "./address.js";
import { IptablesError } from "./errors.js";
import type { Match, Rule, Target } from "./rule.js";

/** Numeric ids of names, for rules that were written with names; the kernel prints numbers. */
export interface IdResolver {
  /** Id of a user, undefined when there is none of that name. */
  readonly user: (name: string) => string | undefined;
  /** Id of a group, undefined when there is none of that name. */
  readonly group: (name: string) => string | undefined;
}

const NO_NAMES: IdResolver = { user: () => undefined, group: () => undefined };

/**
 * A rule in the form the kernel prints it back in: conditions in its order, addresses masked, marks hexadecimal.
 *
 * Two rules that do the same have the same normal form; compare with {@link ruleKey}.
 */
export function normalRule(rule: Rule, ids: IdResolver = NO_NAMES): Rule {
  const matches = rule.matches
    .filter((match) => !saysNothing(match))
    .map((match) => normalMatch(match, ids))
    .sort((a, b) => rank(a) - rank(b));
  const { position: _, ...rest } = rule;
  return { ...rest, matches, target: normalTarget(rule.target) };
}

/** Conditions every packet meets are not printed. */
function saysNothing(match: Match): boolean {
  if (match.kind === "protocol") return match.only === "nftables";
  return (
    (match.kind === "source" || match.kind === "destination") && match.negated !== true && /\/0$/.test(match.range)
  );
}

/** The kernel prints addresses, interfaces and the protocol first; what modules add keeps the order it was written in. */
function rank(match: Match): number {
  switch (match.kind) {
    case "source":
      return 0;
    case "destination":
      return 1;
    case "in-interface":
      return 2;
    case "out-interface":
      return 3;
    case "protocol":
      return 4;
    default:
      return 5;
  }
}

function normalMatch(match: Match, ids: IdResolver): Match {
  switch (match.kind) {
    case "source":
    case "destination":
      return { ...match, range: maskedRange(match.range) };
    case "protocol": {
      const { only: _, ...rest } = match;
      return rest;
    }
    case "mark":
    case "connection-mark":
      return { ...match, value: normalMark(match.value) };
    case "owner-user":
      return { ...match, id: ids.user(match.id) ?? match.id };
    case "owner-group":
      return { ...match, id: ids.group(match.id) ?? match.id };
    case "source-port":
    case "destination-port":
      return { ...match, ports: match.ports.map(normalPort) };
    case "connection-state":
      return { ...match, states: [...match.states].sort((a, b) => STATES.indexOf(a) - STATES.indexOf(b)) };
    default:
      return match;
  }
}

const STATES = ["INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT"];

function normalTarget(target: Target): Target {
  switch (target.kind) {
    case "set-mark":
      return { ...target, mark: normalMark(target.mark) };
    case "tproxy":
      return { ...target, mark: normalMark(target.mark) };
    default:
      return target;
  }
}

/** `0x…`, with the mask only where it is not all ones. Text that is no mark stays. */
function normalMark(text: string): string {
  const [value = "", mask] = text.split("/", 2);
  const number = Number(value);
  if (value.trim() === "" || Number.isNaN(number)) return text;
  const bits = mask === undefined ? 0xffffffff : Number(mask);
  const hex = `0x${(number >>> 0).toString(16)}`;
  return bits === 0xffffffff ? hex : `${hex}/0x${(bits >>> 0).toString(16)}`;
}

function normalPort(text: string): string {
  const trimmed = text.trim();
  return /^[0-9]+$/.test(trimmed) ? String(Number(trimmed)) : trimmed;
}

/** `address/bits` with the host bits cleared; a single address gets all its bits. */
export function maskedRange(text: string): string {
  const range = text.includes("/") ? text : `${text}/${text.includes(":") ? 128 : 32}`;
  try {
    const { address, bits } = parsePrefix(range);
    const bytes = address.bytes.map(
      (byte, i) => byte & ((0xff << Math.max(0, Math.min(8, 8 * (i + 1) - bits))) & 0xff),
    );
    return `${formatAddress({ ...address, bytes })}/${bits}`;
  } catch (error) {
    if (error instanceof IptablesError) return text;
    throw error;
  }
}

/** A text that is the same for rules that do the same in the same place. */
export function ruleKey(rule: Rule, ids?: IdResolver): string {
  const { table, chain, matches, target } = normalRule(rule, ids);
  return JSON.stringify([table, chain, matches, target]);
}
