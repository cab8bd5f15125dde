import { once } from "node:events";
import { watch as watchFolder } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import type { Cache } from "../cache.js";
import { discoveryTypeOf } from "../discovery-types.js";
import { XdsError } from "../errors.js";
import { restHandler } from "../shell/rest.js";
import { createServer } from "../shell/server.js";
import { createSnapshotCache } from "../shell/snapshot-cache.js";
import type { ServerEvent } from "../xds-server.js";
import { type Publication, readPublication } from "./publication.js";
import { checkAddress, LISTEN_SCHEMES, type Surroundings, UsageError, wrongArguments } from "./surroundings.js";

/** How long the files must be still before they are read again. */
const QUIET_MS = 100;

/** All clients get the same snapshot. */
const EVERYONE = "everyone";

/** `weft-xds serve DIR` */
export async function serve(args: readonly string[], { stdout, stderr, signal }: Surroundings): Promise<number> {
  const { values, positionals } = parse(args);
  const [folder] = positionals;
  if (folder === undefined || positionals.length > 1) throw new UsageError("serve: one folder expected");
  checkAddress("serve: --listen", values.listen, LISTEN_SCHEMES);
  let publication = readPublication(folder);
  for (const line of [...publication.errors, ...publication.warnings]) stderr(`${line}\n`);
  if (publication.errors.length > 0) return 2;

  const cache = createSnapshotCache({ nodeKey: () => EVERYONE });
  cache.set(EVERYONE, publication.resources);
  const tell = (event: ServerEvent): void => {
    const line = values.json ? JSON.stringify(event) : describe(event, publication);
    if (line !== undefined) stdout(`${line}\n`);
  };
  await using server = createServer({ cache, onEvent: tell });
  const port = await server.listen(values.listen);
  const address = values.listen.startsWith("unix:") ? values.listen : values.listen.replace(/:\d+$/, `:${port}`);
  const count = publication.resources.length;
  stdout(
    values.json ? `${JSON.stringify({ kind: "listening", address })}\n` : `serving ${count} resources on ${address}\n`,
  );

  const rest = values.rest === undefined ? undefined : await listenRest(values.rest, cache);
  if (rest !== undefined) {
    stdout(values.json ? `${JSON.stringify({ kind: "rest", address: rest.address })}\n` : `REST on ${rest.address}\n`);
  }
  let timer: NodeJS.Timeout | undefined;
  const publish = (): void => {
    const next = readSafely(folder, stderr);
    if (next === undefined) return;
    publication = next;
    const { types } = cache.set(EVERYONE, next.resources);
    for (const { typeUrl, added, updated, removed } of types) {
      if (values.json) stdout(`${JSON.stringify({ kind: "published", typeUrl, added, updated, removed })}\n`);
      else stdout(`published ${short(typeUrl)}: ${names("+", added)}${names("~", updated)}${names("-", removed)}\n`);
    }
  };
  const watcher = watchFolder(folder, () => {
    clearTimeout(timer);
    timer = setTimeout(publish, QUIET_MS);
  });
  if (!signal.aborted) await once(signal, "abort");
  clearTimeout(timer);
  watcher.close();
  rest?.close();
  return 0;
}

async function listenRest(address: string, cache: Cache): Promise<{ readonly address: string; close(): void }> {
  const [, host = "", port = ""] = /^(.*):(\d+)$/.exec(address) ?? [];
  if (host === "" || Number(port) > 65_535) throw new UsageError(`serve: --rest ${address}: host:port expected`);
  const server = createHttpServer(restHandler({ cache }));
  server.listen(Number(port), host.replace(/^\[(.*)\]$/, "$1"));
  try {
    await once(server, "listening");
  } catch (cause) {
    throw new XdsError("ERR_XDS_LISTEN_FAILED", address, cause instanceof Error ? cause.message : String(cause), {
      cause,
    });
  }
  const bound = (server.address() as AddressInfo).port;
  return {
    address: `${host}:${bound}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        listen: { type: "string", default: "127.0.0.1:15010" },
        rest: { type: "string" },
        json: { type: "boolean", default: false },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw wrongArguments("serve", error);
  }
}

/** A folder that cannot be used any more changes nothing: what was published stays. */
function readSafely(folder: string, stderr: Surroundings["stderr"]): Publication | undefined {
  try {
    const publication = readPublication(folder);
    for (const line of [...publication.errors, ...publication.warnings]) stderr(`${line}\n`);
    if (publication.errors.length === 0) return publication;
    stderr("nothing was published: the last good configuration stays\n");
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    stderr(`${error.message}\n`);
  }
  return undefined;
}

function describe(event: ServerEvent, publication: Publication): string | undefined {
  switch (event.kind) {
    case "connected":
      return `${event.node.id} connected from ${event.peer}, ${event.variant}`;
    case "disconnected":
      return `${event.node.id} left`;
    case "sent":
      return undefined;
    case "ack":
      return `${event.node.id} accepted ${short(event.typeUrl)} ${event.version}`;
    case "nack": {
      const { node, typeUrl, reasons } = event.nack;
      const lines = reasons.map(({ resource, field, reason }) => {
        const place = resource === undefined ? undefined : publication.locate(typeUrl, resource, field);
        const at = place === undefined ? "" : `${place.file}:${place.line}:${place.column} `;
        return `${at}${resource ?? "?"}${field === undefined ? "" : ` ${field}`}: ${reason}`;
      });
      return `${node.id} refused ${short(typeUrl)}\n  ${lines.join("\n  ")}`;
    }
  }
}

function names(sign: string, list: readonly string[]): string {
  return list.map((name) => `${sign}${name} `).join("");
}

function short(typeUrl: string): string {
  return discoveryTypeOf(typeUrl)?.short ?? typeUrl;
}
