import { watch } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, extname } from "node:path";
import { parseResources } from "@weftmesh/xds-types";
import type { ResourceType } from "../resource.js";
import type { WatchUpdate } from "../watch.js";
import { type DiscoveryResponse, decodeSotwResponse } from "../wire/response.js";
import { digest } from "./digest.js";
import { type Fetched, type FollowOptions, followResponses } from "./follow.js";
import { encodeMessage } from "./resource-types.js";

/** Where a file source looks. */
export interface FileSourceOptions extends FollowOptions {
  /**
   * A folder in which any move makes the file be read again, for files behind symbolic links as a Kubernetes ConfigMap has
   * them. Default: moves onto the file itself.
   */
  readonly watchedDirectory?: string;
}

/**
 * Follows a file that holds a `DiscoveryResponse` (V4): YAML or JSON, or binary if its name ends in `.pb`. As in Envoy it is
 * read again when something is **moved** onto it, not when it is written in place. A file that cannot be used shows as an
 * error; what was good before stays.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/config_source.proto#config-core-v3-pathconfigsource
 */
export function watchFile<T>(
  path: string,
  type: ResourceType<T>,
  names: readonly string[],
  options: FileSourceOptions = {},
): AsyncIterable<WatchUpdate<T>> {
  return followResponses(type, names, moves(path, type.typeUrl, options), options);
}

async function* moves(
  path: string,
  typeUrl: string,
  { watchedDirectory, signal }: FileSourceOptions,
): AsyncGenerator<Fetched> {
  let wake = (): void => {};
  let moved = true;
  const notice = (): void => {
    moved = true;
    wake();
  };
  const watcher = watch(watchedDirectory ?? dirname(path), (event, file) => {
    if (event === "rename" && (watchedDirectory !== undefined || file === basename(path))) notice();
  });
  let lost: Error | undefined;
  watcher.on("error", (error) => {
    lost = error;
    notice();
  });
  signal?.addEventListener("abort", notice, { once: true });
  try {
    while (signal?.aborted !== true && lost === undefined) {
      if (moved) {
        moved = false;
        yield await read(path, typeUrl);
        continue;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (lost !== undefined) yield { failed: `${path}: ${lost.message}` };
  } finally {
    watcher.close();
    signal?.removeEventListener("abort", notice);
  }
}

async function read(path: string, typeUrl: string): Promise<Fetched> {
  try {
    const bytes = await readFile(path);
    if (extname(path) === ".pb") return { ...decodeSotwResponse(bytes), typeUrl };
    const { resources, issues } = parseResources(bytes.toString("utf8"), { file: path });
    const problem = issues.find(({ severity }) => severity !== "warning");
    if (problem !== undefined) {
      return { failed: `${path}:${problem.line}:${problem.column} ${problem.path}: ${problem.message}` };
    }
    const found: DiscoveryResponse = {
      version: digest(bytes),
      typeUrl,
      nonce: "",
      removed: [],
      errors: [],
      resources: resources.map((resource) => ({
        name: resource.name,
        version: "",
        typeUrl: resource.typeUrl,
        value: encodeMessage(resource.typeUrl, resource.message),
        aliases: [],
      })),
    };
    return found;
  } catch (error) {
    return { failed: `${path}: ${error instanceof Error ? error.message : String(error)}` };
  }
}
