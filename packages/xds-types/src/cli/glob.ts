import { readdirSync } from "node:fs";

/** The files that a pattern with `*`, `**` or `?` stands for, sorted; the pattern itself if it has none of these. */
export function expandGlob(pattern: string): readonly string[] {
  if (!/[*?]/.test(pattern)) return [pattern];
  const fixed = pattern.slice(0, pattern.search(/[*?]/));
  const folder = fixed.slice(0, fixed.lastIndexOf("/") + 1);
  const wanted = new RegExp(
    `^${pattern
      .slice(folder.length)
      .split(/(\*\*\/?|\*|\?)/)
      .map(part)
      .join("")}$`,
  );
  const depth = pattern.slice(folder.length).includes("/") || pattern.includes("**");
  const entries = readdirSync(folder === "" ? "." : folder, { recursive: depth, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, entry.parentPath ?? entry.path, entry.name))
    .filter((name) => wanted.test(name))
    .map((name) => folder + name)
    .sort();
}

function relative(folder: string, parent: string, name: string): string {
  const base = folder === "" ? "." : folder.replace(/\/$/, "");
  const below = parent.slice(base.length).replace(/^\//, "");
  return below === "" ? name : `${below}/${name}`;
}

function part(text: string): string {
  if (text === "**/") return "(?:.*/)?";
  if (text === "**") return ".*";
  if (text === "*") return "[^/]*";
  return text === "?" ? "[^/]" : text.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&");
}
