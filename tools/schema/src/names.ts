import type { DescEnum, DescMessage } from "@bufbuild/protobuf";

/** The name of a message or enum inside its package module: `Cluster_CommonLbConfig` for a nested one. */
export function localName(type: DescMessage | DescEnum): string {
  return relativeName(type).replaceAll(".", "_");
}

/** The name without its package: `Cluster.CommonLbConfig`. */
export function relativeName(type: DescMessage | DescEnum): string {
  const pkg = type.file.proto.package;
  return pkg === "" ? type.typeName : type.typeName.slice(pkg.length + 1);
}

/** What a package module is called where another one imports it. */
export function importName(pkg: string): string {
  return pkg.replaceAll(".", "_");
}

/** The path of a package's module below `gen/`, without an ending. */
export function modulePath(pkg: string): string {
  return pkg.replaceAll(".", "/");
}

/** An import specifier from one module below `gen/` to another, both without an ending. */
export function specifier(from: string, to: string): string {
  const a = from.split("/").slice(0, -1);
  const b = to.split("/");
  let shared = 0;
  while (shared < a.length && shared < b.length - 1 && a[shared] === b[shared]) shared++;
  const up = "../".repeat(a.length - shared);
  return `${up === "" ? "./" : up}${b.slice(shared).join("/")}.js`;
}
