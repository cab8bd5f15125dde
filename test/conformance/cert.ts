/** SPIFFE IDs, X.509-SVIDs, JWT-SVIDs, bundles and signing requests with their verdicts. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import {
  type BundleSet,
  bundleSet,
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
import { csrCases } from "./cert-csr.js";
import { attempt, type Entry, equal, judge, named, OK, Reasons, readJson } from "./cert-verdict.js";
import { type Case, notUnderstood, type Outcome, type Suite } from "./suite.js";

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
