import { DEFAULT_SETTINGS, FLAGS, IptablesError, REMOVED_FLAGS, readFlags, VARIABLES } from "@weftmesh/iptables-gen";
import type { Case } from "../conformance/suite.js";
import { compare, compareAll } from "./compare.js";
import { settingOfGoField } from "./go-config.js";

/** The flag table of `flags.json`. */
export interface FlagTable {
  readonly flags: readonly {
    readonly field: string;
    readonly long: string;
    readonly short: string | null;
    readonly type: string;
    readonly default: string | number | boolean;
    readonly env: readonly string[];
  }[];
  readonly envOnly: readonly { readonly field: string; readonly env: string; readonly default: string }[];
  readonly removed: readonly { readonly long: string; readonly short: string | null; readonly type: string }[];
}

const SAMPLES: Readonly<Record<string, readonly [text: string, value: unknown]>> = {
  string: ["sample", "sample"],
  bool: ["true", true],
  uint16: ["0x10", 16],
  duration: ["1m30s", 90_000],
};

const STRICT = { compat: "strict" } as const;

/** Each flag: its declaration, its default, and that flag and variable reach the setting. */
export function flagCases(table: FlagTable): readonly Case[] {
  return [
    ...table.flags.map((flag): Case => ({ name: `flags/${flag.long}`, run: () => judgeFlag(flag) })),
    ...table.envOnly.map(
      ({ env, default: value }): Case => ({
        name: `flags/env/${env}`,
        run: () => compare(value, VARIABLES.find(({ name }) => name === env)?.default),
      }),
    ),
    ...table.removed.map(
      ({ long, short, type }): Case => ({
        name: `flags/removed/${long}`,
        run() {
          const spec = REMOVED_FLAGS.find((flag) => flag.long === long);
          return compareAll(
            ["declaration", { long, short, type }, { long: spec?.long, short: spec?.short ?? null, type: spec?.type }],
            ["strict", `unknown flag: --${long}`, messageOf(() => readFlags([`--${long}=true`], {}, STRICT))],
            ["fixed", undefined, messageOf(() => readFlags([`--${long}=true`], {}, { compat: "fixed" }))],
          );
        },
      }),
    ),
  ];
}

function judgeFlag(flag: FlagTable["flags"][number]): ReturnType<typeof compare> {
  const { field, long, short, type, env } = flag;
  const spec = FLAGS.find((one) => one.long === long);
  const setting = settingOfGoField(field) ?? (field === "ProbeTimeout" ? "probeTimeoutMs" : undefined);
  if (setting === undefined) return { ok: false, expected: `a setting for ${field}`, got: undefined };
  const sample = SAMPLES[type];
  const [text, value] = sample ?? ["", undefined];
  const expectedDefault = type === "duration" ? 5000 : flag.default;
  const read = (argv: readonly string[], variables: Readonly<Record<string, string>>): unknown =>
    readFlags(argv, variables, STRICT).settings[setting];
  return compareAll(
    [
      "declaration",
      { long, short, type, env, setting },
      { long: spec?.long, short: spec?.short ?? null, type: spec?.type, env: spec?.env, setting: spec?.field },
    ],
    ["default", expectedDefault, DEFAULT_SETTINGS[setting]],
    ["flag", value, read([`--${long}=${text}`], {})],
    ["short flag", value, short === null ? value : read([type === "bool" ? `-${short}` : `-${short}${text}`], {})],
    ["variables", env.map(() => value), env.map((name) => read([], { [name]: text }))],
  );
}

function messageOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof IptablesError) return error.message;
    throw error;
  }
}
