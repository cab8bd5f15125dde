/** SPIFFE IDs, X.509-SVIDs, JWT-SVIDs, bundles and signing requests with their verdicts. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import {
  type BundleSet,
  bundleSet,
  CertError,
  createCa,
  matchAny,
  matchId,
  matchMemberOf,
  matchOneOf,
  parseBundle,
  parseBundleMap,
  parseCertificates,
  SpiffeId,
  supersede,
  type TrustBundle,
  TrustDomain,
  trustBundle,
  verifyJwtSvid,
  verifySvid,
} from "@weftmesh/cert";
import { type Case, notUnderstood, type Outcome, type Suite } from "./suite.js";

const OK: Outcome = { ok: true };

function equal(expected: unknown, got: unknown): Outcome {
  return JSON.stringify(expected) === JSON.stringify(got) ? OK : { ok: false, expected, got };
}

/** What a call came to: its value, or the code it threw. */
function attempt<T>(run: () => T): { readonly value: T } | { readonly code: string } {
  try {
    return { value: run() };
  } catch (error) {
    if (error instanceof CertError) return { code: error.code };
    throw error;
  }
}

/** The codes that each neutral reason stands for. */
const REASONS: Readonly<Record<string, readonly string[]>> = {
  // SPIFFE IDs
  empty: ["ERR_CERT_ID_EMPTY"],
  "bad-scheme": ["ERR_CERT_ID_SCHEME"],
  "scheme-case": ["ERR_CERT_ID_SCHEME"],
  "empty-trust-domain": ["ERR_CERT_ID_NO_TRUST_DOMAIN"],
  "bad-trust-domain-char": ["ERR_CERT_ID_TRUST_DOMAIN_CHAR"],
  "trust-domain-too-long": ["ERR_CERT_ID_TRUST_DOMAIN_LENGTH"],
  "bad-path-char": ["ERR_CERT_ID_PATH_CHAR"],
  "empty-segment": ["ERR_CERT_ID_EMPTY_SEGMENT"],
  "dot-segment": ["ERR_CERT_ID_DOT_SEGMENT"],
  "trailing-slash": ["ERR_CERT_ID_TRAILING_SLASH"],
  "no-leading-slash": ["ERR_CERT_ID_LEADING_SLASH"],
  "too-long": ["ERR_CERT_ID_LENGTH"],
  // X.509
  malformed: [
    "ERR_CERT_DER",
    "ERR_CERT_PEM",
    "ERR_CERT_MALFORMED",
    "ERR_CERT_CHAIN_EMPTY",
    "ERR_CERT_CSR_MALFORMED",
    "ERR_CERT_CSR_TOO_LARGE",
    "ERR_CERT_JWT_MALFORMED",
  ],
  "no-uri-san": ["ERR_CERT_NO_URI_SAN"],
  "multiple-uri-san": ["ERR_CERT_MULTIPLE_URI_SAN"],
  "leaf-is-ca": ["ERR_CERT_LEAF_IS_CA"],
  "leaf-key-cert-sign": ["ERR_CERT_LEAF_KEY_CERT_SIGN"],
  "leaf-crl-sign": ["ERR_CERT_LEAF_CRL_SIGN"],
  "leaf-no-digital-signature": ["ERR_CERT_LEAF_NO_DIGITAL_SIGNATURE"],
  "key-usage-missing": ["ERR_CERT_KEY_USAGE_MISSING"],
  "key-usage-not-critical": ["ERR_CERT_KEY_USAGE_NOT_CRITICAL"],
  "eku-incomplete": ["ERR_CERT_EXTENDED_KEY_USAGE"],
  "san-not-critical": ["ERR_CERT_SAN_NOT_CRITICAL"],
  "serial-not-positive": ["ERR_CERT_SERIAL"],
  "weak-key": ["ERR_CERT_WEAK_KEY"],
  "unsupported-curve": ["ERR_CERT_UNSUPPORTED_KEY"],
  "unsupported-key": ["ERR_CERT_UNSUPPORTED_KEY"],
  expired: ["ERR_CERT_EXPIRED", "ERR_CERT_ISSUER_EXPIRED"],
  "not-yet-valid": ["ERR_CERT_NOT_YET_VALID", "ERR_CERT_ISSUER_NOT_YET_VALID"],
  untrusted: ["ERR_CERT_UNTRUSTED"],
  "no-bundle": ["ERR_CERT_NO_BUNDLE"],
  "issuer-not-ca": ["ERR_CERT_ISSUER_NOT_CA"],
  "issuer-no-key-cert-sign": ["ERR_CERT_ISSUER_NO_KEY_CERT_SIGN"],
  "bad-signature": ["ERR_CERT_BAD_SIGNATURE"],
  // JWT
  alg: ["ERR_CERT_JWT_ALGORITHM"],
  typ: ["ERR_CERT_JWT_TYPE"],
  crit: ["ERR_CERT_JWT_CRITICAL"],
  "alg-key-mismatch": ["ERR_CERT_JWT_KEY_ALGORITHM"],
  exp: ["ERR_CERT_JWT_EXPIRED"],
  nbf: ["ERR_CERT_JWT_NOT_BEFORE"],
  sub: ["ERR_CERT_JWT_SUBJECT"],
  aud: ["ERR_CERT_JWT_AUDIENCE", "ERR_CERT_JWT_EXPECTED_AUDIENCE"],
  // A token of one domain for an ID of another is listed under this reason when the data looks at who signed, although
  // the key ID, looked for in the other domain as it must be, is not even found there.
  signature: ["ERR_CERT_JWT_SIGNATURE", "ERR_CERT_JWT_UNKNOWN_KEY"],
  "unknown-kid": ["ERR_CERT_JWT_UNKNOWN_KEY"],
  // Signing requests
  "csr-signature": ["ERR_CERT_CSR_SIGNATURE"],
};

/** A reason that this table does not list must be served by codes that the same folder gives to no other reason. */
class Reasons {
  readonly #seen = new Map<string, string>();

  judge(reason: string, code: string): Outcome {
    const listed = Object.hasOwn(REASONS, reason) ? REASONS[reason] : undefined;
    const other = this.#seen.get(code);
    this.#seen.set(code, other ?? reason);
    if (listed) return listed.includes(code) ? OK : { ok: false, expected: listed.join(" or "), got: code };
    return other === undefined || other === reason
      ? OK
      : { ok: false, expected: `a code of its own for ${reason}`, got: `${code}, which stands for ${other}` };
  }
}

type Verdict = { readonly accepted: unknown } | { readonly code: string };

/** `policy` accepts either verdict: the package documents which one it is. */
function judge(reasons: Reasons, entry: Entry, verdict: Verdict, accepted: () => Outcome): Outcome {
  if (entry.expect === "policy") return OK;
  if (entry.expect === "accept") {
    return "code" in verdict ? { ok: false, expected: "accepted", got: verdict.code } : accepted();
  }
  if (entry.expect !== "reject") return { ok: false, expected: "accept, reject or policy", got: entry.expect };
  if (!("code" in verdict))
    return { ok: false, expected: `rejected: ${entry.reason ?? "any reason"}`, got: "accepted" };
  return entry.reason === undefined ? OK : reasons.judge(entry.reason, verdict.code);
}

interface Entry {
  readonly name: string;
  readonly expect: string;
  readonly reason?: string;
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8")) as T;
}

function* named<T extends { readonly name: string }>(
  prefix: string,
  entries: readonly T[],
  run: (entry: T) => Outcome | Promise<Outcome>,
): Iterable<Case> {
  for (const entry of entries) yield { name: `${prefix}/${entry.name}`, run: () => run(entry) };
}

// SPIFFE IDs

interface IdFile {
  readonly valid?: readonly { readonly id: string; readonly trustDomain: string; readonly path: string }[];
  readonly invalid?: readonly { readonly id: string; readonly code: string }[];
  readonly invalidStrict?: readonly { readonly id: string; readonly code: string }[];
  readonly perChar?: readonly { readonly code: number; readonly trustDomain: boolean; readonly path: boolean }[];
  readonly segments?: readonly { readonly in: readonly string[]; readonly path?: string; readonly code?: string }[];
  readonly appendOrReplacePath?: readonly { readonly path: string; readonly ok?: boolean; readonly code?: string }[];
  readonly trustDomain?: readonly { readonly in: string; readonly name?: string; readonly code?: string }[];
  readonly match?: readonly {
    readonly matcher: string;
    readonly arg?: string | string[];
    readonly id: string;
    readonly ok: boolean;
  }[];
}

const ID_SECTIONS = new Set([
  "about",
  "valid",
  "invalid",
  "invalidStrict",
  "perChar",
  "segments",
  "appendOrReplacePath",
  "trustDomain",
  "match",
]);

function matcherFor(name: string, arg: string | string[] | undefined) {
  const list = arg === undefined ? [] : [arg].flat();
  const [first = ""] = list;
  switch (name) {
    case "any":
      return matchAny;
    case "id":
      return matchId(SpiffeId.parse(first));
    case "oneOf":
      return matchOneOf(list.map((text) => SpiffeId.parse(text)));
    case "memberOf":
      return matchMemberOf(TrustDomain.parse(first));
    default:
      return undefined;
  }
}

function* idCases(file: string, name: string): Iterable<Case> {
  const data = readJson<IdFile>(file);
  const reasons = new Reasons();
  const td = TrustDomain.parse("td.test");
  const short = (text: string): string => JSON.stringify(text.length > 48 ? `${text.slice(0, 45)}…` : text);
  const rejected = (code: string, result: ReturnType<typeof attempt>): Outcome =>
    "code" in result ? reasons.judge(code, result.code) : { ok: false, expected: code, got: result.value };
  const either = (
    wanted: unknown,
    code: string | undefined,
    result: { readonly value: unknown } | { readonly code: string },
  ): Outcome =>
    code === undefined ? equal(wanted, "value" in result ? result.value : result.code) : rejected(code, result);

  for (const section of Object.keys(data)) {
    if (!ID_SECTIONS.has(section)) yield notUnderstood(`${name}/${section}`, "a section that is not known");
  }
  for (const { id, trustDomain, path } of data.valid ?? []) {
    yield {
      name: `${name}/valid ${short(id)}`,
      run: () => {
        const parsed = SpiffeId.parse(id);
        return equal([trustDomain, path], [SpiffeId.trustDomain(parsed), SpiffeId.path(parsed)]);
      },
    };
  }
  for (const { id, code } of [...(data.invalid ?? []), ...(data.invalidStrict ?? [])]) {
    yield {
      name: `${name}/invalid ${short(id)}`,
      run: () =>
        rejected(
          code,
          attempt(() => SpiffeId.parse(id)),
        ),
    };
  }
  for (const entry of data.perChar ?? []) {
    const char = String.fromCharCode(entry.code);
    yield {
      name: `${name}/character ${entry.code}`,
      run: () =>
        equal(
          [entry.trustDomain, entry.path],
          [SpiffeId.is(`spiffe://tdtest${char}/w`), SpiffeId.is(`spiffe://tdtest/w${char}`)],
        ),
    };
  }
  for (const entry of data.segments ?? []) {
    const result = attempt(() => SpiffeId.path(SpiffeId.fromSegments(td, ...entry.in)));
    yield { name: `${name}/segments ${JSON.stringify(entry.in)}`, run: () => either(entry.path, entry.code, result) };
  }
  for (const entry of data.appendOrReplacePath ?? []) {
    const result = attempt(() => SpiffeId.path(SpiffeId.fromPath(td, entry.path)));
    yield { name: `${name}/path ${entry.path}`, run: () => either(entry.path, entry.code, result) };
  }
  for (const entry of data.trustDomain ?? []) {
    const result = attempt(() => TrustDomain.parse(entry.in));
    yield { name: `${name}/trust domain ${short(entry.in)}`, run: () => either(entry.name, entry.code, result) };
  }
  for (const entry of data.match ?? []) {
    const matcher = matcherFor(entry.matcher, entry.arg);
    const label = `${name}/match ${entry.matcher} ${entry.id}`;
    if (!matcher) yield notUnderstood(label, `matcher ${entry.matcher}`);
    else yield { name: label, run: () => equal(entry.ok, matcher(SpiffeId.parse(entry.id))) };
  }
}

// X.509-SVIDs

interface X509Manifest {
  readonly at: string;
  readonly cases: readonly (Entry & {
    readonly chain: string;
    readonly bundles: Readonly<Record<string, string>>;
    readonly at?: string;
    readonly id?: string;
  })[];
}

/** Certificates of a PEM text without more checks than a bundle file gets. */
function pemBundle(dir: string, bundles: Readonly<Record<string, string>>): BundleSet {
  return bundleSet(
    ...Object.entries(bundles).map(([name, path]) =>
      trustBundle(TrustDomain.parse(name), parseCertificates(readFileSync(join(dir, path), "utf8"))),
    ),
  );
}

function* x509Cases(dir: string, file: string): Iterable<Case> {
  const manifest = readJson<X509Manifest>(file);
  const reasons = new Reasons();
  yield* named("x509", manifest.cases, (entry) => {
    const chain = readFileSync(join(dir, entry.chain), "utf8");
    const at = Date.parse(entry.at ?? manifest.at);
    const verdict = verifySvid(chain, pemBundle(dir, entry.bundles), at);
    return verdict.kind === "verified"
      ? judge(reasons, entry, { accepted: verdict.id }, () => equal(entry.id ?? verdict.id, verdict.id))
      : judge(reasons, entry, { code: verdict.error.code }, () => OK);
  });
}

// JWT-SVIDs

interface JwtManifest {
  readonly at: string;
  readonly cases: readonly (Entry & {
    readonly token: string;
    readonly audience: readonly string[];
    readonly at?: string;
    readonly id?: string;
  })[];
}

function* jwtCases(dir: string, file: string): Iterable<Case> {
  const manifest = readJson<JwtManifest>(file);
  const reasons = new Reasons();
  const bundles = bundleSet(
    ...readdirSync(join(dir, "jwt")).flatMap((name): TrustBundle[] => {
      const match = /^bundle\.(.+)\.json$/.exec(name);
      if (!match?.[1]) return [];
      return [parseBundle(readFileSync(join(dir, "jwt", name), "utf8"), TrustDomain.parse(match[1]))];
    }),
  );
  yield* named("jwt", manifest.cases, (entry) => {
    const at = Date.parse(entry.at ?? manifest.at);
    const verdict = verifyJwtSvid(entry.token, bundles, { audience: entry.audience }, at);
    return verdict.kind === "verified"
      ? judge(reasons, entry, { accepted: verdict.id }, () => equal(entry.id ?? verdict.id, verdict.id))
      : judge(reasons, entry, { code: verdict.error.code }, () => OK);
  });
}

// Bundles

interface BundleManifest {
  readonly cases: readonly (Entry & {
    readonly file: string;
    readonly kind?: string;
    readonly x509?: number;
    readonly jwt?: number;
    readonly wit?: number;
    readonly sequence?: string;
    readonly refreshHint?: number;
    readonly trustDomains?: readonly string[];
  })[];
  readonly supersede?: readonly { readonly have: number; readonly got: number | null; readonly expect: string }[];
}

function* bundleCases(dir: string, file: string): Iterable<Case> {
  const manifest = readJson<BundleManifest>(file);
  const reasons = new Reasons();
  const td = TrustDomain.parse("td.test");
  yield* named("bundle", manifest.cases, (entry) => {
    const path = join(dir, entry.file);
    // Some documents are named in the manifest only: what would be in them may not be published.
    if (!existsSync(path)) {
      return entry.expect === "policy" ? OK : { ok: false, expected: entry.file, got: "no such file" };
    }
    const text = readFileSync(path, "utf8");
    if (entry.kind === "map") {
      const result = attempt(() => parseBundleMap(text));
      const verdict = "code" in result ? result : { accepted: true };
      const names = "value" in result ? [...result.value.keys()] : [];
      return judge(reasons, entry, verdict, () => equal([...(entry.trustDomains ?? names)].sort(), [...names].sort()));
    }
    const result = attempt(() => parseBundle(text, td));
    if ("code" in result) return judge(reasons, entry, result, () => OK);
    const bundle = result.value;
    const got = {
      x509: bundle.x509Authorities.length,
      jwt: bundle.jwtAuthorities.length,
      wit: bundle.witAuthorities.length,
      sequence: bundle.sequence?.toString(),
      refreshHint: bundle.refreshHintSeconds,
    };
    return judge(reasons, entry, { accepted: true }, () =>
      equal(
        {
          x509: entry.x509 ?? got.x509,
          jwt: entry.jwt ?? got.jwt,
          wit: entry.wit ?? got.wit,
          sequence: entry.sequence ?? got.sequence,
          refreshHint: entry.refreshHint ?? got.refreshHint,
        },
        got,
      ),
    );
  });
  for (const { have, got, expect } of manifest.supersede ?? []) {
    yield {
      name: `bundle/supersede ${have} by ${got}`,
      run: () => {
        const bundle = (sequence: number | null): TrustBundle => ({
          ...trustBundle(td, []),
          sequence: sequence === null ? undefined : BigInt(sequence),
        });
        const { action, alarm } = supersede(bundle(have), bundle(got));
        const replaced = action === "replace" || alarm !== undefined;
        return expect.startsWith("replace") ? equal(true, replaced) : equal("keep", action);
      },
    };
  }
}

// Signing requests

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

function* csrCases(dir: string, file: string): Iterable<Case> {
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

const MANIFESTS: Readonly<Record<string, (dir: string, file: string) => Iterable<Case>>> = {
  x509: x509Cases,
  jwt: jwtCases,
  bundle: bundleCases,
  csr: csrCases,
};

/** The adapter of `conformance/cert`. */
export const suite: Suite = {
  name: "cert",
  *cases(dir) {
    for (const name of readdirSync(dir).sort()) {
      const path = join(dir, name);
      if (name === "README.md") continue;
      if (statSync(path).isDirectory()) {
        const manifest = join(path, "manifest.json");
        const read = Object.hasOwn(MANIFESTS, name) ? MANIFESTS[name] : undefined;
        if (read && existsSync(manifest)) yield* read(dir, manifest);
        else yield notUnderstood(relative(dir, path), "a folder without a manifest that is known");
      } else if (/^spiffeid.*\.json$/.test(name)) yield* idCases(path, name);
      else yield notUnderstood(name, "a file that is not known");
    }
  },
};
