import { setTimeout as sleep } from "node:timers/promises";
import { type DiscoveryRequestJson, DiscoveryResponse } from "@weftmesh/xds-types/envoy/service/discovery/v3";
import { delayMs, GRPC_BACKOFF } from "../backoff.js";
import { discoveryTypeOf } from "../discovery-types.js";
import { XdsError } from "../errors.js";
import type { NodeIdentity } from "../node.js";
import type { ResourceType } from "../resource.js";
import type { WatchUpdate } from "../watch.js";
import { decodeSotwResponse } from "../wire/response.js";
import { type Fetched, type FollowOptions, followResponses } from "./follow.js";

/** How a REST source is polled. */
export interface RestSourceOptions extends FollowOptions {
  /** Who asks. */
  readonly node: Partial<NodeIdentity> & { readonly id: string };
  /** Milliseconds between two requests. Default 5,000; Envoy has no default (`refresh_delay` is required). */
  readonly refreshMs?: number;
  /** Milliseconds after which a request is given up. Default 1,000, Envoy's `request_timeout`. */
  readonly timeoutMs?: number;
}

/**
 * Follows resources of a server that speaks REST (V3), by polling. A server that cannot be reached is asked again with
 * growing waits, and shows as an error under `"*"`.
 *
 * @param url - The server: `http://127.0.0.1:18001`.
 * @throws {@link XdsError} `ERR_XDS_BOOTSTRAP_INVALID` for a type that has no REST path.
 */
export function watchRest<T>(
  url: string,
  type: ResourceType<T>,
  names: readonly string[],
  options: RestSourceOptions,
): AsyncIterable<WatchUpdate<T>> {
  const path = discoveryTypeOf(type.typeUrl)?.fetch?.path;
  if (path === undefined) throw new XdsError("ERR_XDS_BOOTSTRAP_INVALID", type.typeUrl, "it has no REST path");
  return followResponses(type, names, poll(new URL(path, url), type.typeUrl, names, options), options);
}

async function* poll(
  url: URL,
  typeUrl: string,
  names: readonly string[],
  { node, refreshMs = 5000, timeoutMs = 1000, signal }: RestSourceOptions,
): AsyncGenerator<Fetched> {
  const { id, cluster = "" } = node;
  const wanted = names.includes("*") ? [] : names;
  let version = "";
  let failures = 0;
  const ended = (): boolean => signal?.aborted === true;
  while (!ended()) {
    let waitMs = refreshMs;
    try {
      const body: DiscoveryRequestJson = {
        version_info: version,
        node: { id, cluster },
        type_url: typeUrl,
        resource_names: wanted,
      };
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])]),
      });
      if (response.status === 200) {
        const message = DiscoveryResponse.fromJson(JSON.parse(await response.text()));
        const fetched = decodeSotwResponse(DiscoveryResponse.encode(message));
        // The next request names what was accepted; nobody is told of a refusal, so it does not matter which.
        version = fetched.version;
        yield { ...fetched, typeUrl };
      } else if (response.status !== 304) throw new Error(`HTTP status ${response.status}`);
      failures = 0;
    } catch (error) {
      if (ended()) return;
      waitMs = delayMs(++failures, GRPC_BACKOFF, Math.random);
      yield { failed: `${url.href}: ${error instanceof Error ? error.message : String(error)}` };
    }
    await sleep(waitMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }
}
