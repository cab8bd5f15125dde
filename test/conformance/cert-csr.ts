/** Signing requests: what is issued for them, and for how long. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createCa, SpiffeId } from "@weftmesh/cert";
import { attempt, type Entry, equal, judge, named, OK, Reasons, readJson } from "./cert-verdict.js";
import { type Case, notUnderstood, type Outcome } from "./suite.js";

interface CsrManifest {
  readonly caller: string;
  readonly cases: readonly (Entry & {
    readonly csr: string;
    readonly issuedUri?: readonly string[];
    readonly issuedSubjectMustNotContain?: readonly string[];
    readonly leafMust?: { readonly ca?: boolean; readonly keyCertSign?: boolean };
  })[];
  readonly ttl?: readonly {
    readonly requestedSeconds: number;
    readonly max?: number;
    readonly caRemainingSeconds?: number;
    readonly expect: string;
  }[];
}

/** What a CA makes of signing requests and lifetimes. */
export function* csrCases(dir: string, file: string): Iterable<Case> {
  const manifest = readJson<CsrManifest>(file);
  const reasons = new Reasons();
  const caller = SpiffeId.parse(manifest.caller);
  const ca = createCa({ trustDomain: SpiffeId.trustDomain(caller) });
  yield* named("csr", manifest.cases, (entry) => {
    const result = attempt(() => ca.sign(readFileSync(join(dir, entry.csr), "utf8"), caller));
    if (entry.expect === "reject" || entry.expect === "policy") {
      return judge(reasons, entry, "code" in result ? result : { accepted: true }, () => OK);
    }
    if (entry.expect !== "sign" && entry.expect !== "sign-as-caller-or-reject") {
      return { ok: false, expected: "sign, reject or sign-as-caller-or-reject", got: entry.expect };
    }
    if ("code" in result) {
      return entry.expect === "sign" ? { ok: false, expected: "signed", got: result.code } : OK;
    }
    const [leaf] = result.value.chain;
    if (!leaf) return { ok: false, expected: "a leaf", got: "none" };
    const uris = leaf.names.flatMap((name) => (name.kind === "uri" ? [name.value] : []));
    const subject = Buffer.from(leaf.subject).toString("latin1");
    const carried = (entry.issuedSubjectMustNotContain ?? []).filter((text) => subject.includes(text));
    const got = { uris, carried, ca: leaf.ca, keyCertSign: leaf.keyUsage?.keyCertSign };
    return equal(
      {
        uris: entry.issuedUri ?? [manifest.caller],
        carried: [],
        ca: entry.leafMust?.ca ?? false,
        keyCertSign: entry.leafMust?.keyCertSign ?? false,
      },
      got,
    );
  });
  const good = manifest.cases.find((entry) => entry.expect === "sign");
  for (const entry of manifest.ttl ?? []) {
    const name = `csr/ttl ${entry.requestedSeconds} s, CA ${entry.caRemainingSeconds ?? "long"}`;
    if (!good) yield notUnderstood(name, "there is no request that can be signed");
    else yield { name, run: () => ttlOutcome(readFileSync(join(dir, good.csr), "utf8"), caller, entry) };
  }
}

const DAY_S = 86_400;

/** The lifetime that comes out, in words of the manifest: ours rejects what is above the maximum, as Istio does. */
function ttlOutcome(csr: string, caller: SpiffeId, entry: NonNullable<CsrManifest["ttl"]>[number]): Outcome {
  const start = Date.parse("2027-01-01T00:00:00Z");
  let now = start;
  const remaining = entry.caRemainingSeconds;
  const rootTtlS = remaining === undefined ? 3650 * DAY_S : 1000;
  const ca = createCa({
    trustDomain: SpiffeId.trustDomain(caller),
    clock: { now: () => now },
    rootTtlMs: rootTtlS * 1000,
    ...(entry.max === undefined ? {} : { maxTtlMs: entry.max * 1000 }),
  });
  if (remaining !== undefined) now = start + (rootTtlS - remaining) * 1000;
  const result = attempt(() => ca.sign(csr, caller, { ttlMs: entry.requestedSeconds * 1000 }));
  const seconds = "value" in result ? (result.value.notAfter - now) / 1000 : undefined;
  if (/^\d+$/.test(entry.expect)) return equal(Number(entry.expect), seconds);
  if (entry.expect === "default TTL") return equal(DAY_S, seconds);
  if (entry.expect.startsWith("TTL_ERROR")) return equal("ERR_CERT_TTL", "code" in result ? result.code : seconds);
  if (entry.expect === "notAfter == CA notAfter") {
    return equal(ca.issuer.notAfter, "value" in result ? result.value.notAfter : result.code);
  }
  if (entry.expect.startsWith("reject"))
    return equal("ERR_CERT_CA_NOT_READY", "code" in result ? result.code : seconds);
  return { ok: false, expected: "a lifetime this adapter understands", got: entry.expect };
}
