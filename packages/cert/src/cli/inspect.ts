import { existsSync, readFileSync } from "node:fs";
import { parseBundle, parseBundleMap } from "../bundle-json.js";
import { type Certificate, parseCertificate, parseCertificates, toHex } from "../certificate.js";
import { parseCrl } from "../crl.js";
import { parseCsr } from "../csr.js";
import { formatTime } from "../der/time.js";
import { CertError } from "../errors.js";
import { parsePem } from "../pem.js";
import { curves } from "../public-key.js";
import { systemScheduler } from "../shell/clock.js";
import { readText } from "../shell/files.js";
import { explainSvid } from "../shell/verify.js";
import { TrustDomain } from "../spiffe-id.js";
import { type BundleSet, bundleSet, trustBundle } from "../trust-bundle.js";
import { argument, type Command, type Flags, json, option, UsageError } from "./output.js";

/** Reads a file, or standard input for `-`. */
export function input(path: string): string {
  if (path === "-") return readFileSync(0, "utf8");
  if (!existsSync(path)) throw new CertError("ERR_CERT_FILE", path, "there is no such file");
  return readText(path);
}

/** Reads what a file holds; a problem in it begins with the name of the file. */
function inFile<T>(path: string, read: (text: string) => T): T {
  const text = input(path);
  const file = path === "-" ? "standard input" : path;
  try {
    return read(text);
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    throw new CertError(error.code, `${file}: ${error.path}`, error.problem, { cause: error });
  }
}

function facts(certificate: Certificate) {
  const { publicKey: key, keyUsage } = certificate;
  const usages = Object.entries(keyUsage ?? {}).flatMap(([name, set]) =>
    set === true && name !== "critical" ? [name] : [],
  );
  return {
    names: certificate.names.map((name) => (name.kind === "other" ? name.kind : `${name.kind}:${String(name.value)}`)),
    serial: toHex(certificate.serial),
    notBefore: formatTime(certificate.notBefore),
    notAfter: formatTime(certificate.notAfter),
    key:
      key.kind === "rsa"
        ? `RSA ${key.modulusBits}`
        : key.kind === "ec"
          ? `EC ${curves[key.curve]?.name ?? key.curve}`
          : key.kind,
    ca: certificate.ca,
    keyUsage: usages,
    extendedKeyUsage: certificate.extendedKeyUsage ?? [],
  };
}

function described(text: string): readonly object[] {
  if (text.trimStart().startsWith("{")) {
    const isMap = text.includes('"trust_domains"');
    const bundles = isMap ? [...parseBundleMap(text).values()] : [parseBundle(text, TrustDomain.parse("unnamed"))];
    return bundles.map((bundle) => ({
      ...(isMap ? { trustDomain: bundle.trustDomain } : {}),
      sequence: bundle.sequence,
      refreshHintSeconds: bundle.refreshHintSeconds,
      x509Authorities: bundle.x509Authorities.map(facts),
      jwtAuthorities: bundle.jwtAuthorities.map(({ keyId }) => keyId),
    }));
  }
  return parsePem(text, "input").map(({ label, der }) => {
    switch (label) {
      case "CERTIFICATE":
        return { kind: label, ...facts(parseCertificate(der)) };
      case "CERTIFICATE REQUEST": {
        const { publicKey, requested } = parseCsr(der);
        return { kind: label, key: publicKey.kind, names: requested.names };
      }
      case "X509 CRL": {
        const { thisUpdate, nextUpdate, revoked } = parseCrl(der);
        const next = nextUpdate === undefined ? undefined : formatTime(nextUpdate);
        return { kind: label, thisUpdate: formatTime(thisUpdate), nextUpdate: next, revoked: [...revoked.keys()] };
      }
      default:
        return { kind: label, note: "not shown" };
    }
  });
}

/** `inspect FILE`: what is in certificates, requests, lists and bundles. */
export const inspect: Command = (flags, output) => {
  const file = argument(flags, 0, "FILE");
  const found = inFile(file, described);
  if (found.length === 0) throw new UsageError(`${file}: nothing to inspect: neither PEM nor a bundle document`);
  output.stdout(json(found));
  return 0;
};

/** Bundles as `--bundle DOMAIN=FILE`, PEM or SPIFFE bundle documents. */
export function bundlesOf(flags: Flags): BundleSet {
  const given = flags.values["bundle"];
  const pairs = Array.isArray(given) ? given : typeof given === "string" ? [given] : [];
  if (pairs.length === 0) throw new UsageError("--bundle DOMAIN=FILE is needed");
  return bundleSet(
    ...pairs.map((pair) => {
      const at = String(pair).indexOf("=");
      if (at < 1) throw new UsageError(`--bundle ${pair}: expected DOMAIN=FILE`);
      const domain = TrustDomain.parse(String(pair).slice(0, at), "--bundle");
      return inFile(String(pair).slice(at + 1), (text) =>
        text.trimStart().startsWith("{")
          ? parseBundle(text, domain)
          : trustBundle(domain, parseCertificates(text, "--bundle")),
      );
    }),
  );
}

function timeOf(flags: Flags): number {
  const at = option(flags, "at");
  if (at === undefined) return systemScheduler.now();
  const time = Date.parse(at);
  if (Number.isNaN(time)) throw new UsageError(`--at ${at}: expected a time such as 2027-01-01T00:00:00Z`);
  return time;
}

/** `verify CHAIN` and `explain CHAIN`: 0 if it is accepted, 1 if not. */
export function verifyCommand(explain: boolean): Command {
  return (flags, output) => {
    const file = argument(flags, 0, "CHAIN");
    const { verdict, text, section } = explainSvid(input(file), bundlesOf(flags), timeOf(flags));
    const accepted = verdict.kind === "verified";
    if (flags.values["json"]) {
      const outcome = accepted
        ? { verdict: "accepted", id: verdict.id, notAfter: formatTime(verdict.notAfter) }
        : {
            verdict: "rejected",
            code: verdict.error.code,
            path: verdict.error.path,
            problem: verdict.error.problem,
            section,
          };
      output.stdout(json(outcome));
    } else if (explain) output.stdout(text);
    else output.stdout(accepted ? `accepted: ${verdict.id}\n` : `rejected: ${file}: ${verdict.error.message}\n`);
    return accepted ? 0 : 1;
  };
}
