import { parseArgs } from "node:util";
import { messageType, typeNameOf } from "@weftmesh/xds-types";
import { DISCOVERY_TYPES } from "../discovery-types.js";
import type { ResourceType } from "../resource.js";
import { createClient } from "../shell/client.js";
import { checkAddress, type Surroundings, TARGET_SCHEMES, UsageError, wrongArguments } from "./surroundings.js";

/** `weft-xds watch SERVER TYPE [NAME…]` */
export async function watch(args: readonly string[], { stdout, stderr, signal }: Surroundings): Promise<number> {
  const { values, positionals } = parse(args);
  const [uri, typeName, ...names] = positionals;
  if (uri === undefined || typeName === undefined) throw new UsageError("watch: a server and a type expected");
  checkAddress("watch:", uri, TARGET_SCHEMES);
  const typeUrl = typeUrlOf(typeName);
  const type = messageType<unknown, unknown>(typeNameOf(typeUrl));
  await using client = createClient({
    bootstrap: {
      servers: [{ uri, variant: values.sotw ? "sotw" : "delta" }],
      node: { id: values.node, ...(values.cluster === undefined ? {} : { cluster: values.cluster }) },
    },
    onEvent: (event) => {
      if (event.kind === "disconnected")
        stderr(`${event.server}: ${event.reason}; next attempt in ${Math.round(event.retryMs)} ms\n`);
    },
  });
  const wanted = names.length === 0 ? ["*"] : names;
  for await (const update of client.watch(type as ResourceType<unknown>, wanted, { signal })) {
    const { resources, versions, updated, removed, missing, errors } = update;
    for (const name of updated) {
      const version = versions.get(name) ?? "";
      const resource = type.toJson(resources.get(name), { fieldNames: "snake_case" });
      if (values.json) stdout(`${JSON.stringify({ kind: "updated", name, version, resource })}\n`);
      else stdout(`~ ${name} ${version} ${JSON.stringify(resource)}\n`);
    }
    for (const name of removed) stdout(values.json ? `${JSON.stringify({ kind: "removed", name })}\n` : `- ${name}\n`);
    for (const name of missing) stdout(values.json ? `${JSON.stringify({ kind: "missing", name })}\n` : `? ${name}\n`);
    for (const [name, { kind, message }] of errors) {
      // Each failure of the connection is told once, on stderr.
      if (kind === "connection") continue;
      stdout(values.json ? `${JSON.stringify({ kind: "error", name, message })}\n` : `! ${name} ${message}\n`);
    }
  }
  return 0;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        node: { type: "string", default: "weft-xds" },
        cluster: { type: "string" },
        sotw: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw wrongArguments("watch", error);
  }
}

/** `CDS`, `cluster`, `envoy.config.cluster.v3.Cluster` and the whole URL all name the same type. */
function typeUrlOf(name: string): string {
  if (name.includes("/")) return name;
  const wanted = name.toLowerCase();
  const found = DISCOVERY_TYPES.find(({ typeUrl, short }) => {
    const full = typeNameOf(typeUrl);
    return (
      short.toLowerCase() === wanted || full === name || full.slice(full.lastIndexOf(".") + 1).toLowerCase() === wanted
    );
  });
  if (found !== undefined) return found.typeUrl;
  if (name.includes(".")) return `type.googleapis.com/${name}`;
  const known = DISCOVERY_TYPES.map(({ short }) => short).join(", ");
  throw new UsageError(`watch: no type ${JSON.stringify(name)}; known are ${known} and full message names`);
}
