/** go-spiffe: the same verdict on IDs, chains, bundles and tokens; its client follows our Workload API. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  type BundleSet,
  bundleSet,
  CertError,
  createCa,
  type Identity,
  jwtSigner,
  parseBundle,
  parseCertificate,
  rotate,
  SpiffeId,
  TrustDomain,
  trustBundle,
  verifyJwtSvid,
  verifySvid,
} from "@weftmesh/cert";
import { workloadServer, workloadSource } from "@weftmesh/cert/services";
import { issuedUnderOpenssl } from "./cert/openssl.js";
import { buildGo, type Peer, startProgram } from "./peer.js";

const run = promisify(execFile);
const td = TrustDomain.parse("td.test");

/** One case of the Go program, with go-spiffe's verdict. */
interface Line {
  readonly input?: string;
  readonly chain?: readonly string[];
  readonly anchors?: readonly string[];
  readonly at?: number;
  readonly bundle?: string;
  readonly ok: boolean;
  readonly id?: string;
  readonly error?: string;
  readonly x509?: number;
  readonly jwt?: number;
  /** What is special about the case. */
  readonly what?: string;
}

/** Our verdict: an ID (or another value to compare), or a code; of a chain, whether a certificate of it was not needed. */
type Ours = { readonly value: string; readonly unused?: boolean } | { readonly code: string };

function attempt(make: () => string): Ours {
  try {
    return { value: make() };
  } catch (error) {
    if (error instanceof CertError) return { code: error.code };
    throw error;
  }
}

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64"));

function judgeChain({ chain = [], anchors = [], at = 0 }: Line): Ours {
  const authorities = anchors.flatMap((anchor) => {
    try {
      return [parseCertificate(bytes(anchor))];
    } catch {
      return [];
    }
  });
  const verdict = verifySvid(chain.map(bytes), bundleSet(trustBundle(td, authorities)), at);
  if (verdict.kind === "rejected") return { code: verdict.error.code };
  const path = new Set(verdict.chain.map(({ der }) => Buffer.from(der).toString("base64")));
  return { value: verdict.id, unused: chain.some((each) => !path.has(each)) };
}

/** x509svid.Parse, for one's own certificate, has most of these; Verify, for the peer's, has none (decisions/0402). */
const LEAF_RULES = new Set([
  "ERR_CERT_KEY_USAGE_MISSING",
  "ERR_CERT_KEY_USAGE_NOT_CRITICAL",
  "ERR_CERT_LEAF_NO_DIGITAL_SIGNATURE",
  "ERR_CERT_LEAF_ROOT_ID",
  "ERR_CERT_EXTENDED_KEY_USAGE",
  "ERR_CERT_SAN_NOT_CRITICAL",
]);

function explainedChain(line: Line, ours: Ours): string | undefined {
  const code = "code" in ours ? ours.code : undefined;
  // A curve or a name that Go does not read, in a certificate that the path does not go through.
  if (!line.ok) {
    const unread = /unable to parse certificate|unsupported elliptic curve|not on curve/.test(line.error ?? "");
    return unread && "value" in ours && ours.unused === true ? "an unused certificate" : undefined;
  }
  if (code !== undefined && LEAF_RULES.has(code)) return "leaf rules that Verify lacks";
  // RFC 5280 4.2.1.10 and OpenSSL: without a leading dot exactly that host; Go takes subdomains too.
  if (code === "ERR_CERT_NAME_CONSTRAINT") return "URI constraint without a leading dot";
  // Go leaves what follows in an extension unread, and takes any tag for a missing boolean.
  return code === "ERR_CERT_DER" ? "encodings that Go reads loosely" : undefined;
}

function explainedBundle(line: Line, code: string | undefined): string | undefined {
  const error = line.error ?? "";
  if (!line.ok) {
    // Such an entry is to be passed over (Bundle 4.2.1, X509-SVID 6.2); go-spiffe refuses the document.
    if (/key type|unsupported elliptic curve|expected a single certificate/.test(error)) return "entries passed over";
    // Neither string types nor URIs of an authority's names are looked into here, nor extensions no rule of ours reads;
    // a path through such an authority is judged when there is one.
    const names = /x509: (cannot parse URI|invalid RDNSequence|SAN .* is malformed|invalid constraint value)/;
    const extensions =
      /x509: invalid (CRL distribution point|authority info access|certificate policies|policy (mappings|constraints))/;
    return names.test(error) || extensions.test(error) ? "names and extensions of an authority" : undefined;
  }
  // Go cannot compare a key whose algorithm it does not know.
  if (code === "ERR_CERT_BUNDLE_KEY_MISMATCH") return "a key that Go cannot compare";
  if (code === "ERR_CERT_BUNDLE_REFRESH_HINT") return "a refresh hint below zero";
  const loose = ["ERR_CERT_JSON", "ERR_CERT_JSON_DUPLICATE", "ERR_CERT_BUNDLE_X5C", "ERR_CERT_BUNDLE_KEY"];
  return code !== undefined && loose.includes(code) ? "encodings that Go reads loosely" : undefined;
}

/** Whether the unused bits of a part's last character are not zero (RFC 4648, 3.5). */
function loosePart(part: string): boolean {
  return Buffer.from(part, "base64url").toString("base64url") !== part;
}

function explainedToken(line: Line, code: string | undefined): string | undefined {
  // JWT-SVID 2.2: the key ID is optional; go-spiffe demands it.
  if (!line.ok) return /key id/i.test(line.error ?? "") ? "tokens without key ID" : undefined;
  if (code === "ERR_CERT_JWT_MALFORMED" && line.input?.split(".").some(loosePart) === true) {
    return "encodings that Go reads loosely";
  }
  // A workload's ID has a path.
  return line.what === "the ID of a trust domain" ? "tokens for a trust domain" : undefined;
}

/**
 * Where we differ on purpose, with the reason. Each name is a class; the README of the package lists them.
 *
 * @returns The class, or `undefined` if the difference is not explained.
 */
function explained(kind: string, line: Line, ours: Ours): string | undefined {
  const code = "code" in ours ? ours.code : undefined;
  switch (kind) {
    case "chains":
      return explainedChain(line, ours);
    case "bundles":
      return explainedBundle(line, code);
    case "tokens":
      return explainedToken(line, code);
    default:
      return undefined;
  }
}

async function linesOf(binary: string, kind: string, count: number, seed: number): Promise<readonly Line[]> {
  const { stdout } = await run(binary, [kind, String(count), String(seed)], { maxBuffer: 2 ** 30 });
  return stdout
    .split("\n")
    .filter((text) => text !== "")
    .map((text) => JSON.parse(text) as Line);
}

function judgeAll(kind: string, lines: readonly Line[]): readonly (readonly [Line, Ours])[] {
  switch (kind) {
    case "ids":
      return lines.map((line) => [line, attempt(() => SpiffeId.parse(line.input ?? ""))]);
    case "chains":
      return lines.map((line) => [line, judgeChain(line)]);
    case "bundles":
      return lines.map((line) => [
        line,
        attempt(() => {
          const bundle = parseBundle(line.bundle ?? "", td);
          return `${bundle.x509Authorities.length} ${bundle.jwtAuthorities.length}`;
        }),
      ]);
    default: {
      const [first, ...tokens] = lines;
      const bundles: BundleSet = bundleSet(parseBundle(first?.bundle ?? "", td));
      return tokens.map((line) => {
        const verdict = verifyJwtSvid(line.input ?? "", bundles, { audience: ["svc"] }, line.at ?? 0);
        return [line, verdict.kind === "verified" ? { value: verdict.id } : { code: verdict.error.code }];
      });
    }
  }
}

function theirs(kind: string, line: Line): string {
  return kind === "bundles" ? `${line.x509 ?? 0} ${line.jwt ?? 0}` : (line.id ?? "");
}

/** go-spiffe's client follows our endpoint through rotations, then takes and validates a token. */
async function followed(binary: string, rotations: number): Promise<boolean> {
  const ca = createCa({ trustDomain: "td.test" });
  const source = rotate(ca.issuerFor(SpiffeId.parse("spiffe://td.test/ns/a/sa/b")));
  await source.ready();
  const folder = mkdtempSync(join(tmpdir(), "weft-cert-"));
  const address = `unix://${join(folder, "api.sock")}`;
  const server = await workloadServer({ address, source, jwt: jwtSigner({ trustDomain: ca.trustDomain }) });
  const program = startProgram(binary, ["follow", address, String(rotations + 1)]);
  try {
    for (let done = 0; done < rotations; done++) {
      const deadline = Date.now() + 20_000;
      while (program.output().split("\n").length <= done + 1 && Date.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await source.renew();
    }
    if ((await program.exited) !== 0) return false;
    const lines = program
      .output()
      .trim()
      .split("\n")
      .map((text) => JSON.parse(text) as Line);
    return lines.length === rotations + 2 && lines.every((line) => line.ok && line.id === "spiffe://td.test/ns/a/sa/b");
  } finally {
    await program[Symbol.asyncDispose]();
    await server.close();
    source[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Our client follows a Workload API made of go-spiffe's messages through its rotations. */
async function follows(binary: string, updates: number): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "weft-cert-"));
  const path = join(folder, "api.sock");
  const program = startProgram(binary, ["serve", path, String(updates)]);
  const seen = new Map<string, Identity>();
  const failures: unknown[] = [];
  const source = workloadSource({ address: `unix://${path}`, onFailure: (error) => failures.push(error) });
  const note = (identity: Identity): unknown =>
    seen.set(Buffer.from(identity.svid.chain[0]?.serial ?? []).toString("hex"), identity);
  try {
    source.watch(note);
    note(await source.ready(AbortSignal.timeout(20_000)));
    const deadline = Date.now() + 20_000;
    while (seen.size < updates && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    const domains = [...(source.current()?.bundles.keys() ?? [])].sort().join();
    const ids = new Set([...seen.values()].map(({ svid }) => svid.id));
    const token = await source.fetchJwt(["svc"]);
    return (
      seen.size === updates &&
      [...ids].join() === "spiffe://td.test/ns/a/sa/b" &&
      domains === "fed.test,td.test" &&
      token === "a.b.svc"
    );
  } finally {
    source[Symbol.dispose]();
    await program[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The comparison with go-spiffe. */
export const peer: Peer = {
  name: "cert",
  requires: ["go"],
  async run({ cases, seed, log }) {
    const binary = await buildGo("cert", log);
    let passed = 0;
    let failed = 0;
    const classes = new Map<string, number>();
    for (const [kind, factor] of [
      ["ids", 500],
      ["chains", 10],
      ["bundles", 10],
      ["tokens", 10],
    ] as const) {
      for (const [line, ours] of judgeAll(kind, await linesOf(binary, kind, cases * factor, seed))) {
        const agree = line.ok ? "value" in ours && ours.value === theirs(kind, line) : "code" in ours;
        const known = agree ? undefined : explained(kind, line, ours);
        if (known !== undefined) classes.set(known, (classes.get(known) ?? 0) + 1);
        if (agree || known !== undefined) passed++;
        else {
          failed++;
          const input = line.input ?? line.bundle ?? JSON.stringify({ chain: line.chain, anchors: line.anchors });
          if (failed <= 20)
            log(`FAIL ${kind}: go-spiffe ${line.error ?? "accepts"}; ours ${JSON.stringify(ours)}; ${input}`);
        }
      }
    }
    for (const [name, count] of classes) log(`${count} times as explained: ${name}`);
    if (await followed(binary, 10)) passed++;
    else {
      failed++;
      log("FAIL go-spiffe's client did not follow our Workload API");
    }
    if (await follows(binary, 10)) passed++;
    else {
      failed++;
      log("FAIL our client did not follow a Workload API of go-spiffe's");
    }
    const issued = issuedUnderOpenssl(Math.min(50, cases));
    passed += issued.passed;
    failed += issued.failed;
    for (const problem of issued.problems) log(`FAIL openssl: ${problem}`);
    return { passed, failed };
  },
};
