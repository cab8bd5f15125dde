import { CertError } from "./errors.js";

/** A secret that is found in files, by the name that Istio gives it. */
export type FileSecretName = CertificateFiles | RootFile;

/** `file-cert:CHAIN~KEY`. */
export interface CertificateFiles {
  /** Tells the two kinds apart. */
  readonly kind: "cert";
  /** The path of the chain. */
  readonly chain: string;
  /** The path of the private key. */
  readonly key: string;
}

/** `file-root:FILE`. */
export interface RootFile {
  /** Tells the two kinds apart. */
  readonly kind: "root";
  /** The path of the authorities. */
  readonly roots: string;
}

const CERT = "file-cert:";
const ROOT = "file-root:";

function absolute(path: string | undefined, name: string): string {
  if (path?.startsWith("/") && !path.split("/").includes("..") && !path.includes("\0")) return path;
  throw new CertError("ERR_CERT_FILE", name, "expected absolute paths without ..");
}

/**
 * Reads the name of a secret in files.
 *
 * @throws {@link CertError} `ERR_CERT_FILE` if it is no such name.
 * @see https://github.com/istio/istio/blob/master/pkg/security/security.go
 */
export function parseFileSecretName(name: string): FileSecretName {
  if (name.startsWith(CERT)) {
    const [chain, key, more] = name.slice(CERT.length).split("~");
    if (more === undefined) return { kind: "cert", chain: absolute(chain, name), key: absolute(key, name) };
  }
  if (name.startsWith(ROOT)) return { kind: "root", roots: absolute(name.slice(ROOT.length), name) };
  throw new CertError("ERR_CERT_FILE", name, "expected file-cert:CHAIN~KEY or file-root:FILE");
}
