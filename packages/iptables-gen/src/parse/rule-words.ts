import type { Match, Protocol, Target } from "../rule.js";

/** Conditions and target of a rule, read from iptables' words. */
export interface RuleBody {
  /** Conditions, in the order they were written. */
  readonly matches: readonly Match[];
  /** What happens. */
  readonly target: Target;
}

interface Cursor {
  readonly words: readonly string[];
  at: number;
}

/**
 * Reads the words after the chain. What is not understood is kept as it is, so that a foreign rule survives a round trip.
 *
 * Modules a protocol implies (`-m tcp` before `--dport`) are left out: they say nothing of their own.
 */
export function parseRuleWords(words: readonly string[]): RuleBody {
  const cursor: Cursor = { words, at: 0 };
  const matches: Match[] = [];
  let target: Target = { kind: "continue" };
  let protocol: Protocol = "tcp";
  while (cursor.at < words.length) {
    const negated = words[cursor.at] === "!";
    if (negated) cursor.at++;
    const word = words[cursor.at++] ?? "";
    if (word === "-j" || word === "--jump") target = parseTarget(cursor);
    else if (word === "-g" || word === "--goto") target = { kind: "goto", chain: words[cursor.at++] ?? "" };
    else {
      const match = parseMatch(word, negated, cursor, protocol);
      if (match?.kind === "protocol" && match.protocol === "udp") protocol = "udp";
      if (match !== undefined) matches.push(match);
    }
  }
  return { matches, target };
}

function parseMatch(word: string, negated: boolean, cursor: Cursor, protocol: Protocol): Match | undefined {
  const not = negated ? ({ negated: true } as const) : {};
  const value = (): string => cursor.words[cursor.at++] ?? "";
  switch (word) {
    case "-p":
    case "--protocol":
      return { kind: "protocol", protocol: value(), ...not };
    case "-s":
    case "--source":
      return { kind: "source", range: value(), ...not };
    case "-d":
    case "--destination":
      return { kind: "destination", range: value(), ...not };
    case "-i":
    case "--in-interface":
      return { kind: "in-interface", name: value(), ...not };
    case "-o":
    case "--out-interface":
      return { kind: "out-interface", name: value(), ...not };
    case "--dport":
    case "--destination-port":
      return { kind: "destination-port", protocol, ports: [value()], ...not };
    case "--sport":
    case "--source-port":
      return { kind: "source-port", protocol, ports: [value()], ...not };
    case "-m":
    case "--match":
      return parseModule(value(), cursor, protocol);
    default:
      return { kind: "opaque", words: [...(negated ? ["!"] : []), word, ...optionTail(cursor)] };
  }
}

/** Words up to the next condition or target. */
function optionTail(cursor: Cursor): string[] {
  const tail: string[] = [];
  while (cursor.at < cursor.words.length) {
    const word = cursor.words[cursor.at] ?? "";
    const next = cursor.words[cursor.at + 1] ?? "";
    if (STARTS.has(word) || (word === "!" && STARTS.has(next))) break;
    tail.push(word);
    cursor.at++;
  }
  return tail;
}

const STARTS: ReadonlySet<string> = new Set([
  "-p",
  "-s",
  "-d",
  "-i",
  "-o",
  "-m",
  "-j",
  "-g",
  "--jump",
  "--goto",
  "--match",
]);

function parseModule(name: string, cursor: Cursor, protocol: Protocol): Match | undefined {
  const start = cursor.at;
  const negated = cursor.words[cursor.at] === "!";
  const option = cursor.words[cursor.at + (negated ? 1 : 0)] ?? "";
  const value = cursor.words[cursor.at + (negated ? 2 : 1)] ?? "";
  const not = negated ? ({ negated: true } as const) : {};
  const known = moduleMatch(name, option, value, not, protocol);
  if (known !== undefined) {
    cursor.at += negated ? 3 : 2;
    // A second option of the same module would be lost; then the module is kept as it was written.
    if (endsHere(cursor)) return known;
    cursor.at = start;
  }
  if (name === "tcp" || name === "udp") {
    const words = optionTail({ words: cursor.words, at: cursor.at });
    if (words.every((word) => !word.startsWith("--") || PORT_OPTIONS.has(word))) return undefined;
  }
  return { kind: "opaque", words: ["-m", name, ...optionTail(cursor)] };
}

const PORT_OPTIONS: ReadonlySet<string> = new Set(["--dport", "--sport"]);

function endsHere({ words, at }: Cursor): boolean {
  const word = words[at];
  return word === undefined || STARTS.has(word) || (word === "!" && STARTS.has(words[at + 1] ?? ""));
}

function moduleMatch(
  name: string,
  option: string,
  value: string,
  not: { readonly negated?: true },
  protocol: Protocol,
): Match | undefined {
  switch (`${name} ${option}`) {
    case "owner --uid-owner":
      return { kind: "owner-user", id: value, ...not };
    case "owner --gid-owner":
      return { kind: "owner-group", id: value, ...not };
    case "mark --mark":
      return { kind: "mark", value, ...not };
    case "connmark --mark":
      return { kind: "connection-mark", value, ...not };
    case "multiport --dports":
      return { kind: "destination-port", protocol, ports: value.split(","), ...not };
    case "multiport --sports":
      return { kind: "source-port", protocol, ports: value.split(","), ...not };
    case "conntrack --ctstate":
    case "state --state":
      return not.negated === true ? undefined : { kind: "connection-state", states: value.split(",") };
    default:
      return undefined;
  }
}

function parseTarget(cursor: Cursor): Target {
  const name = cursor.words[cursor.at++] ?? "";
  const rest = optionTail(cursor);
  const opaque: Target = { kind: "opaque", words: ["-j", name, ...rest] };
  const option = (flag: string): string | undefined => {
    const at = rest.indexOf(flag);
    return at < 0 ? undefined : rest[at + 1];
  };
  switch (name) {
    case "RETURN":
    case "ACCEPT":
    case "DROP":
      return rest.length === 0 ? { kind: name.toLowerCase() as "return" | "accept" | "drop" } : opaque;
    case "REDIRECT": {
      const port = option("--to-ports") ?? option("--to-port");
      return port !== undefined && rest.length === 2 ? { kind: "redirect", port } : opaque;
    }
    case "TPROXY": {
      const [port, mark, ip] = [option("--on-port"), option("--tproxy-mark"), option("--on-ip")];
      const anywhere = ip === undefined || ip === "0.0.0.0" || ip === "::";
      if (port === undefined || mark === undefined || !anywhere) return opaque;
      return { kind: "tproxy", port, mark: withoutFullMask(mark) };
    }
    case "MARK": {
      const mark = option("--set-mark") ?? option("--set-xmark");
      return mark !== undefined && rest.length === 2 && isFullMask(mark)
        ? { kind: "set-mark", mark: withoutFullMask(mark) }
        : opaque;
    }
    case "CONNMARK": {
      const [first, ...masks] = rest;
      const full = masks.length === 0 || masks.join(" ") === "--nfmask 0xffffffff --ctmask 0xffffffff";
      if (first === "--save-mark" && full) return { kind: "save-mark" };
      return first === "--restore-mark" && full ? { kind: "restore-mark" } : opaque;
    }
    case "CT": {
      const zone = option("--zone");
      return zone !== undefined && rest.length === 2 ? { kind: "zone", zone } : opaque;
    }
    default:
      // A target without options looks like a jump; only the name tells.
      return rest.length === 0 && !KERNEL_TARGETS.has(name) ? { kind: "jump", chain: name } : opaque;
  }
}

const KERNEL_TARGETS: ReadonlySet<string> = new Set([
  "REJECT",
  "LOG",
  "MASQUERADE",
  "DNAT",
  "SNAT",
  "NETMAP",
  "NFLOG",
  "NFQUEUE",
  "QUEUE",
  "TRACE",
  "NOTRACK",
  "CHECKSUM",
  "TCPMSS",
  "CLASSIFY",
  "DSCP",
  "TOS",
  "TTL",
  "HL",
  "SET",
  "TEE",
  "AUDIT",
]);

function isFullMask(mark: string): boolean {
  return !mark.includes("/") || /\/0xffffffff$/i.test(mark);
}

function withoutFullMask(mark: string): string {
  return mark.replace(/\/0xffffffff$/i, "");
}
