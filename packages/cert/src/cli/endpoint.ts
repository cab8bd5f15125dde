import { once } from "node:events";
import { formatTime } from "../der/time.js";
import { createCa } from "../shell/ca.js";
import { caServer } from "../shell/ca-server.js";
import { fileCaStore, writeIdentityFiles } from "../shell/files.js";
import { jwtSigner } from "../shell/jwt-signer.js";
import { rotate } from "../shell/rotate.js";
import { sharedTokens } from "../shell/shared-tokens.js";
import { workloadSource } from "../shell/workload-client.js";
import { workloadServer } from "../shell/workload-server.js";
import type { Identity } from "../source.js";
import { SpiffeId } from "../spiffe-id.js";
import { input } from "./inspect.js";
import { type Command, json, option, portOf, required, secondsToMs, UsageError } from "./output.js";

/** Node's timers know no longer span. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** `fetch`: takes an identity from the Workload API, once or for ever. */
export const fetchCommand: Command = async (flags, output) => {
  const address = option(flags, "address") ?? process.env["SPIFFE_ENDPOINT_SOCKET"];
  if (address === undefined) throw new UsageError("--address or SPIFFE_ENDPOINT_SOCKET is needed");
  let following = false;
  let reason = "no answer";
  const onFailure = (error: unknown): void => {
    reason = messageOf(error);
    if (following) output.stderr(`${address}: ${reason}\n`);
  };
  const directory = option(flags, "out");
  const show = (identity: Identity): void => {
    const { id, notAfter } = identity.svid;
    if (directory !== undefined) writeIdentityFiles(directory, identity);
    output.stdout(json({ id, notAfter: formatTime(notAfter), trustDomains: [...identity.bundles.keys()] }));
  };
  const timeoutMs = Math.min(secondsToMs(flags, "timeout") ?? 10_000, LONGEST_TIMEOUT_MS);
  using source = workloadSource({ address, onFailure });
  // The sources' own timers, and that of the signal, do not keep a process alive.
  const stay = setInterval(() => undefined, 60_000);
  try {
    show(await source.ready(AbortSignal.timeout(timeoutMs)));
    if (flags.values["watch"] === true) {
      following = true;
      source.watch(show);
      await once(process, "SIGINT");
    }
    return 0;
  } catch (error) {
    if (source.current()) throw error;
    output.stderr(`${address}: ${reason}\n`);
    return 1;
  } finally {
    clearInterval(stay);
  }
};

/** Callers as lines of `TOKEN SPIFFE-ID`; from a file, for arguments are seen by everybody on the machine. */
function tokensOf(path: string): ReadonlyMap<string, SpiffeId> {
  const lines = input(path)
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line, index) => {
      const [token = "", id = ""] = line.trim().split(/\s+/);
      return [token, SpiffeId.parse(id, `${path}:${index + 1}`)] as const;
    }),
  );
}

/** `serve`: a CA with Istio's service, and a Workload API for one workload, in one process. */
export const serveCommand: Command = async (flags, output) => {
  const store = option(flags, "store");
  const ca = createCa({
    trustDomain: required(flags, "trust-domain"),
    ...(store === undefined ? {} : { store: fileCaStore(store) }),
  });
  const address = option(flags, "socket");
  const id = option(flags, "id");
  if ((address === undefined) !== (id === undefined)) throw new UsageError("--socket and --id go together");
  using own = rotate(ca.issuerFor(SpiffeId.fromSegments(ca.trustDomain, "ca")));
  await own.ready();
  const tokens = option(flags, "tokens");
  const port = portOf(flags);
  const authenticators = tokens === undefined ? [] : [sharedTokens(tokensOf(tokens))];
  await using service = await caServer({ ca, source: own, port, authenticators });
  using source = id === undefined ? undefined : rotate(ca.issuerFor(SpiffeId.parse(id, "--id")));
  await using _endpoint =
    source && address !== undefined
      ? await workloadServer({ address, source, jwt: jwtSigner({ trustDomain: ca.trustDomain }) })
      : undefined;
  output.stdout(json({ certificateService: service.address, workloadApi: address }));
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  return 0;
};
