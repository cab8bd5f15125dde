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
import { SpiffeId } from "../spiffe-id.js";
import { input } from "./inspect.js";
import { type Command, json, option, required, UsageError } from "./output.js";

/** `fetch`: takes an identity from the Workload API, once or for ever. */
export const fetchCommand: Command = async (flags, output) => {
  const address = option(flags, "address") ?? process.env["SPIFFE_ENDPOINT_SOCKET"];
  if (address === undefined) throw new UsageError("--address or SPIFFE_ENDPOINT_SOCKET is needed");
  const failures: unknown[] = [];
  using source = workloadSource({ address, onFailure: (error) => failures.push(error) });
  const directory = option(flags, "out");
  const show = (): void => {
    const identity = source.current();
    if (!identity) return;
    const { id, notAfter } = identity.svid;
    if (directory !== undefined) writeIdentityFiles(directory, identity);
    output.stdout(json({ id, notAfter: formatTime(notAfter), trustDomains: [...identity.bundles.keys()] }));
  };
  const timeoutMs = Number(option(flags, "timeout") ?? "10") * 1000;
  // The sources' own timers, and that of the signal, do not keep a process alive.
  const stay = setInterval(() => undefined, 60_000);
  try {
    await source.ready(AbortSignal.timeout(timeoutMs));
    show();
    if (flags.values["watch"] === true) {
      source.watch(show);
      await once(process, "SIGINT");
    }
    return 0;
  } catch (error) {
    if (source.current()) throw error;
    const last = failures.at(-1);
    const reason = last instanceof Error ? last.message : "no answer";
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
  const port = Number(option(flags, "port") ?? "0");
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
