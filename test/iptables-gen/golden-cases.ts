import {
  compileSettings,
  type Environment,
  fillFromHost,
  generate,
  IptablesError,
  type RuleSet,
  readFlags,
  type Settings,
  validateSettings,
} from "@weftmesh/iptables-gen";
import type { Case, Outcome } from "../conformance/suite.js";
import { compare } from "./compare.js";
import { type GoConfig, settingsOfGoConfig } from "./go-config.js";

/** One entry of `cases.json`, the same shape for both back ends. */
export interface GoldenCase<E> {
  readonly config: GoConfig;
  readonly cli: {
    readonly args: readonly string[];
    readonly env: Environment;
    readonly allAsEnv: Environment;
    readonly hostFacts: { readonly localAddrs: readonly string[]; readonly resolvConfNameservers: readonly string[] };
    readonly exact: boolean;
  };
  readonly expected?: E;
  readonly expectError?: { readonly message: string; readonly exitCode: number };
}

/**
 * Three cases from one: the configuration record, the flags, and the same as variables. `judge` compares what a back end renders.
 */
export function goldenCases<E>(
  name: string,
  golden: GoldenCase<E>,
  judge: (rules: RuleSet, expected: E) => Outcome,
): readonly Case[] {
  const { cli } = golden;
  const host = {
    addresses: () => cli.hostFacts.localAddrs,
    resolvConf: () => cli.hostFacts.resolvConfNameservers.map((server) => `nameserver ${server}\n`).join(""),
    userId: () => undefined,
  };
  const fromFlags = (args: readonly string[], env: Environment) => (): Settings => {
    const { settings, envoyUser } = readFlags(args, env, { compat: "strict" });
    return fillFromHost(settings, envoyUser, host);
  };
  const ways: [string, () => Settings][] = [["config", () => settingsOfGoConfig(golden.config)]];
  if (cli.exact) {
    ways.push(["flags", fromFlags(cli.args, cli.env)]);
    ways.push(["variables", fromFlags([], { ...cli.env, ...cli.allAsEnv })]);
  }
  return ways.map(([way, settings]) => ({
    name: `cases/${name}/${way}`,
    run: () => judgeCase(golden, settings, judge),
  }));
}

function judgeCase<E>(
  golden: GoldenCase<E>,
  settings: () => Settings,
  judge: (rules: RuleSet, expected: E) => Outcome,
): Outcome {
  let rules: RuleSet;
  try {
    const read = settings();
    validateSettings(read);
    rules = generate(compileSettings(read, "strict").options);
  } catch (error) {
    if (!(error instanceof IptablesError)) throw error;
    const got = { message: error.message, exitCode: error.exitCode };
    const { message, exitCode } = golden.expectError ?? {};
    return compare({ message, exitCode }, got);
  }
  if (golden.expected === undefined) return { ok: false, expected: golden.expectError, got: "rules" };
  return judge(rules, golden.expected);
}
