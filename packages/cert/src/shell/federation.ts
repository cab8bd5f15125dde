import type { IncomingMessage } from "node:http";
import type { Server } from "node:https";
import { formatBundle, parseBundle, type Supersession, supersede } from "../bundle-json.js";
import type { Scheduler } from "../clock.js";
import { CertError } from "../errors.js";
import { matchId } from "../matcher.js";
import type { IdentitySource } from "../source.js";
import type { SpiffeId, TrustDomain } from "../spiffe-id.js";
import { bundleSet, type TrustBundle } from "../trust-bundle.js";
import { builtin } from "./builtin.js";
import { systemScheduler } from "./clock.js";
import { anchorOptions } from "./tls-context.js";
import { bundleCheck } from "./tls-options.js";
import { httpsServer } from "./tls-server.js";

/** Where another trust domain publishes its bundle, and how that place is authenticated. */
export interface FederationTarget {
  /** Whose bundle it is. */
  readonly trustDomain: TrustDomain;
  /** The address: https, without user information. */
  readonly url: string;
  /** The ID that the endpoint must have (profile `https_spiffe`). Default: none, the Web PKI decides (`https_web`). */
  readonly endpointId?: SpiffeId;
  /** The first bundle, for endpoints of the trust domain itself; from then on the latest one is used. */
  readonly bundle?: TrustBundle;
}

/** How a bundle is followed. */
export interface FederationOptions {
  /** Called with each bundle that takes the place of the one before. */
  readonly onBundle: (bundle: TrustBundle) => void;
  /** Called when a bundle looks wrong: its sequence went back, or has other content. */
  readonly onAlarm?: (alarm: NonNullable<Supersession["alarm"]>) => void;
  /** Called after a failure; the last good bundle stays. */
  readonly onFailure?: (error: unknown) => void;
  /** The shortest time between two requests, whatever the hint says, in milliseconds. Default: 60,000. */
  readonly minPollMs?: number;
  /** How long a request may take, in milliseconds. Default: 10,000. */
  readonly timeoutMs?: number;
  /** Time of day and timers. Default: the system's. */
  readonly scheduler?: Scheduler;
}

const MAX_BUNDLE_BYTES = 1024 * 1024;
const MAX_REDIRECTS = 3;
/** What the standard says where a bundle has no hint. */
const DEFAULT_POLL_MS = 300_000;

function fail(problem: string): CertError {
  return new CertError("ERR_CERT_FEDERATION", "endpoint", problem);
}

function endpointUrl(text: string, base?: URL): URL {
  if (!URL.canParse(text, base?.href)) throw fail("its address is no URL");
  const url = new URL(text, base?.href);
  if (url.protocol !== "https:" || url.username !== "" || url.password !== "") {
    throw fail("expected an https URL without user information");
  }
  return url;
}

async function body(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BUNDLE_BYTES) throw fail(`the bundle is larger than ${MAX_BUNDLE_BYTES} bytes`);
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw fail("the bundle is not UTF-8");
  }
}

/**
 * Fetches a bundle once.
 *
 * @param known - The latest bundle of the endpoint's trust domain, for profile `https_spiffe`.
 * @throws {@link CertError} `ERR_CERT_FEDERATION`, `ERR_CERT_BUNDLE_…`, and what the network throws.
 * @see https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Federation.md#5-serving-and-consuming-a-spiffe-bundle-endpoint
 */
export async function fetchBundle(
  target: FederationTarget,
  known: TrustBundle | undefined = target.bundle,
  timeoutMs: number = 10_000,
): Promise<TrustBundle> {
  const { endpointId } = target;
  if (endpointId !== undefined && !known) throw fail("its first bundle is needed to know it by");
  const bundles = bundleSet(...(known ? [known] : []));
  const tls =
    endpointId === undefined
      ? {}
      : { ...anchorOptions(bundles), checkServerIdentity: bundleCheck(() => bundles, matchId(endpointId)) };
  // A resumed session would not be checked.
  const { Agent, request } = builtin.https();
  const agent = new Agent({ ...tls, maxCachedSessions: 0, keepAlive: false });
  const signal = AbortSignal.timeout(timeoutMs);
  let url = endpointUrl(target.url);
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request(url, { agent, signal }, resolve).on("error", reject).end();
    });
    const status = response.statusCode ?? 0;
    if (status === 200) return parseBundle(await body(response), target.trustDomain);
    response.destroy();
    const { location } = response.headers;
    if (status < 300 || status >= 400 || location === undefined) throw fail(`it answers with status ${status}`);
    // A redirection holds for this request alone, and the same checks hold for it.
    url = endpointUrl(location, url);
  }
  throw fail(`it redirects more than ${MAX_REDIRECTS} times`);
}

/** Follows the bundle of another trust domain; disposing ends it. */
export function followBundle(target: FederationTarget, options: FederationOptions): Disposable {
  const scheduler = options.scheduler ?? systemScheduler;
  endpointUrl(target.url);
  let current = target.bundle;
  let timer: Disposable | undefined;
  let disposed = false;
  const poll = async (): Promise<void> => {
    try {
      const got = await fetchBundle(target, current, options.timeoutMs);
      const { action, alarm } = current ? supersede(current, got) : { action: "replace", alarm: undefined };
      if (disposed) return;
      if (alarm) options.onAlarm?.(alarm);
      if (action === "replace") {
        current = got;
        options.onBundle(got);
      }
    } catch (error) {
      // The last good bundle stays, and the next attempt comes when it would have come anyway.
      if (!disposed) options.onFailure?.(error);
    }
    if (disposed) return;
    const hint = current?.refreshHintSeconds;
    const wait = Math.max(options.minPollMs ?? 60_000, hint === undefined ? DEFAULT_POLL_MS : hint * 1000);
    timer = scheduler.after(wait, () => void poll());
  };
  void poll();
  return {
    [Symbol.dispose]() {
      disposed = true;
      timer?.[Symbol.dispose]();
    },
  };
}

/**
 * Serves a bundle by profile `https_spiffe`: to everybody, for a bundle is public, and without asking for a certificate.
 *
 * @param source - The identity of the endpoint.
 * @param bundle - What to serve, asked for each request.
 */
export function bundleEndpoint(source: IdentitySource, bundle: () => TrustBundle): Server {
  return httpsServer(source, { clientCertificate: "optional" }, (incoming, response) => {
    if (incoming.method !== "GET") {
      response.writeHead(405, { allow: "GET" }).end();
      return;
    }
    response.writeHead(200, { "content-type": "application/json" }).end(formatBundle(bundle()));
  });
}
