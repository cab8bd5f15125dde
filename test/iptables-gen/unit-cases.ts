import {
  compileSettings,
  DEFAULT_SETTINGS,
  detectVariant,
  hostAddress,
  IptablesError,
  perform,
  type Settings,
  validateSettings,
} from "@weftmesh/iptables-gen";
import type { Case } from "../conformance/suite.js";
import { notUnderstood } from "../conformance/suite.js";
import { compare } from "./compare.js";

/** The vectors of `unit.json`. */
export interface UnitVectors {
  readonly localIp: readonly {
    readonly addrs: readonly string[];
    readonly dualStack: boolean;
    readonly ipv6: boolean;
  }[];
  readonly separateV4V6: readonly {
    readonly cidr: string;
    readonly v4: "wildcard" | readonly string[];
    readonly v6: "wildcard" | readonly string[];
  }[];
  readonly iptablesVersion: readonly { readonly text: string; readonly version: string }[];
  readonly loopbackCidr: readonly { readonly cidr: string; readonly ok: boolean }[];
  readonly ownerGroups: readonly {
    readonly include?: string;
    readonly includeCount?: number;
    readonly excludeCount?: number;
    readonly ok: boolean;
  }[];
  readonly forceBinary: readonly { readonly value: string; readonly ok: boolean; readonly message?: string }[];
}

const KNOWN = [
  "about",
  "istioCommit",
  "localIp",
  "separateV4V6",
  "iptablesVersion",
  "loopbackCidr",
  "ownerGroups",
  "forceBinary",
];

/** One case a vector. */
export function unitCases(vectors: UnitVectors): readonly Case[] {
  const cases: Case[] = Object.keys(vectors)
    .filter((key) => !KNOWN.includes(key))
    .map((key) => notUnderstood(`unit/${key}`, "vectors this adapter does not know"));
  const add = (kind: string, i: number, run: Case["run"]): void => {
    cases.push({ name: `unit/${kind}/${i}`, run });
  };
  for (const [i, { addrs, dualStack, ipv6 }] of vectors.localIp.entries()) {
    add("localIp", i, () => compare(ipv6, hostAddress(addrs, dualStack).ipv6));
  }
  for (const [i, { cidr, v4, v6 }] of vectors.separateV4V6.entries()) {
    add("separateV4V6", i, () => compare({ v4, v6 }, separate(cidr)));
  }
  for (const [i, { text, version }] of vectors.iptablesVersion.entries()) {
    add("iptablesVersion", i, () => compare(version, detectedVersion(text)));
  }
  for (const [i, { cidr, ok }] of vectors.loopbackCidr.entries()) {
    add("loopbackCidr", i, () => compare(ok, problem({ ipv4LoopbackCidr: cidr }) === undefined));
  }
  for (const [i, { include, includeCount = 0, excludeCount = 0, ok }] of vectors.ownerGroups.entries()) {
    const list = (count: number): string => Array.from({ length: count }, (_, n) => String(n)).join(",");
    const groups = {
      outboundOwnerGroups: include ?? list(includeCount),
      outboundOwnerGroupsExclude: list(excludeCount),
    };
    add("ownerGroups", i, () => compare(ok, problem(groups) === undefined));
  }
  for (const [i, { value, ok, message }] of vectors.forceBinary.entries()) {
    const expected = ok ? undefined : message;
    add("forceBinary", i, () => compare(expected, problem({ forceIptablesBinary: value })));
  }
  return cases;
}

function problem(settings: Partial<Settings>): string | undefined {
  try {
    validateSettings({ ...DEFAULT_SETTINGS, ...settings });
    return undefined;
  } catch (error) {
    if (error instanceof IptablesError) return error.message;
    throw error;
  }
}

function separate(cidr: string): { readonly v4: unknown; readonly v6: unknown } {
  const { outboundRanges } = compileSettings({ ...DEFAULT_SETTINGS, serviceCidr: cidr }, "strict").options;
  if (outboundRanges === "*") return { v4: "wildcard", v6: "wildcard" };
  const of = (family: string): string[] =>
    outboundRanges.filter((range) => range.family === family).map(({ text }) => text);
  return { v4: of("ipv4"), v6: of("ipv6") };
}

function detectedVersion(text: string): string {
  const runner = { run: () => ({ exitCode: 0, stdout: text, stderr: "" }) };
  return perform(detectVariant("ipv4", "nft", "strict"), runner, () => {}).version.join(".");
}
