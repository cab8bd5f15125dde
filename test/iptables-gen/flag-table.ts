import { DEFAULT_SETTINGS, FLAGS, REMOVED_FLAGS, VARIABLES } from "@weftmesh/iptables-gen";

/** The README's table of istio's flags, from the code. */
export function flagTable(): string {
  const rows = FLAGS.map(({ long, short, env, field, type, help }) => {
    const value = DEFAULT_SETTINGS[field];
    const shown = type === "duration" ? `${Number(value) / 1000}s` : String(value);
    const name = short === undefined ? `\`--${long}\`` : `\`-${short}\`, \`--${long}\``;
    return [name, env.map((one) => `\`${one}\``).join(", ") || "(none)", shown === "" ? "" : `\`${shown}\``, help];
  });
  const variables = VARIABLES.map(({ name, default: value, help }) => [
    "(variable only)",
    `\`${name}\``,
    value === "" ? "" : `\`${value}\``,
    help,
  ]);
  const removed = REMOVED_FLAGS.map(({ long, short, releases, help }) => [
    short === undefined ? `\`--${long}\`` : `\`-${short}\`, \`--${long}\``,
    "",
    "",
    `Istio ${releases}. With \`--compat fixed\`: ${help} With \`strict\`: an unknown flag, as today.`,
  ]);
  const lines = [
    ["Flag", "Variables", "Default", "What it does here"],
    ["---", "---", "---", "---"],
    ...rows,
    ...variables,
    ...removed,
  ];
  return lines.map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`).join("\n");
}
