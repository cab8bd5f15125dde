import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import type { CaSnapshot, CaStore } from "../ca.js";
import type { CaMaterial } from "../ca-material.js";
import { CertError } from "../errors.js";
import { formatPem } from "../pem.js";
import type { Identity } from "../source.js";
import { SpiffeId } from "../spiffe-id.js";

/** Larger files are no certificates. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/** How a file with a private key is read. */
export interface KeyFileOptions {
  /** Read the key although others than its owner may read it. Default: false. */
  readonly allowSharedKey?: boolean;
}

function fileError(path: string, problem: string): CertError {
  return new CertError("ERR_CERT_FILE", path, problem);
}

function notWritten(path: string, error: unknown): CertError {
  return fileError(path, `cannot be written: ${(error as NodeJS.ErrnoException).code}`);
}

/** Reads a text file that is not meant to be large. */
export function readText(path: string): string {
  return read(path, false);
}

/** Reads a private key; the open file is what is judged, so that it cannot be exchanged in between. */
export function readKeyText(path: string, options: KeyFileOptions = {}): string {
  return read(path, options.allowSharedKey !== true);
}

function read(path: string, ownerOnly: boolean): string {
  let file: number;
  try {
    // A pipe without a writer would otherwise hold the process up.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw fileError(path, `cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw fileError(path, "is not a file");
    if (stat.size > MAX_FILE_BYTES) throw fileError(path, `has ${stat.size} bytes, at most ${MAX_FILE_BYTES} are read`);
    if (ownerOnly && (stat.mode & 0o077) !== 0) {
      const mode = (stat.mode & 0o777).toString(8).padStart(4, "0");
      throw new CertError("ERR_CERT_FILE_MODE", path, `mode ${mode} lets others read the key, expected 0600`);
    }
    return readFileSync(file, "utf8");
  } finally {
    closeSync(file);
  }
}

/** Who may read what is written. */
export interface FileSetOptions {
  /** The mode of the files. Default: 0o600. */
  readonly mode?: number;
  /** The mode of the folder. Default: 0o700. */
  readonly directoryMode?: number;
}

function writeNew(path: string, text: string, mode: number): void {
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** Removes what was begun. What cannot be removed is not worth hiding the first error for. */
function discard(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // The caller throws the error that brought it here.
  }
}

function swapLink(target: string, link: string): void {
  const temporary = `${link}.${randomBytes(6).toString("hex")}`;
  symlinkSync(target, temporary);
  try {
    renameSync(temporary, link);
  } catch (error) {
    discard(temporary);
    throw error;
  }
}

const DATA = "..data";

/**
 * Writes files that belong together so that a reader sees all of the old ones or all of the new ones: into a new folder,
 * to which one link is then switched, as kubelet does with its volumes. The names in `directory` are links through it.
 *
 * @param files - Texts by file name; a name holds no slash and does not begin with two dots.
 * @throws {@link CertError} `ERR_CERT_FILE` for a name that is none, and if the files cannot be written; the old ones then stay.
 */
export function writeFileSet(
  directory: string,
  files: Readonly<Record<string, string>>,
  options: FileSetOptions = {},
): void {
  for (const name of Object.keys(files)) {
    if (name === "" || name === "." || name.startsWith("..") || name.includes("/") || name.includes("\0")) {
      throw fileError(directory, `${JSON.stringify(name)} is no name for a file of a set`);
    }
  }
  const mode = options.mode ?? 0o600;
  const version = `..${randomBytes(8).toString("hex")}`;
  const folder = join(directory, version);
  const data = join(directory, DATA);
  let switched = false;
  try {
    mkdirSync(directory, { recursive: true, mode: options.directoryMode ?? 0o700 });
    mkdirSync(folder, { mode: options.directoryMode ?? 0o700 });
    for (const [name, text] of Object.entries(files)) writeNew(join(folder, name), text, mode);
    syncDirectory(folder);
    const before = existsSync(data) ? readlinkSync(data) : undefined;
    swapLink(version, data);
    switched = true;
    for (const name of Object.keys(files)) {
      const link = join(directory, name);
      const linked = lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
      if (!linked || readlinkSync(link) !== join(DATA, name)) swapLink(join(DATA, name), link);
    }
    syncDirectory(directory);
    // Only what this function made is ever removed.
    if (before !== undefined && /^\.\.[0-9a-f]{16}$/.test(before)) {
      rmSync(join(directory, before), { recursive: true, force: true });
    }
  } catch (error) {
    // What was written but never switched to holds a key that nobody will use.
    if (!switched) discard(folder);
    throw notWritten(directory, error);
  }
}

/** The names that istio's agent writes under. */
export const ISTIO_FILES = { key: "key.pem", chain: "cert-chain.pem", roots: "root-cert.pem" } as const;

/** Writes an identity as istio's agent does (`key.pem`, `cert-chain.pem`, `root-cert.pem`), but as one set and mode 0600. */
export function writeIdentityFiles(directory: string, identity: Identity, options: FileSetOptions = {}): void {
  const { svid, bundles } = identity;
  const own = bundles.get(SpiffeId.trustDomain(svid.id));
  const pem = (certificates: Identity["svid"]["chain"]): string =>
    certificates.map((certificate) => formatPem("CERTIFICATE", certificate.der)).join("");
  writeFileSet(
    directory,
    {
      [ISTIO_FILES.key]: svid.key.exportPem(),
      [ISTIO_FILES.chain]: pem(svid.chain),
      [ISTIO_FILES.roots]: pem(own?.x509Authorities ?? []),
    },
    options,
  );
}

/**
 * Reads a plugged-in CA by istio's file names: `ca-cert.pem`, `ca-key.pem`, `cert-chain.pem`, `root-cert.pem`, or
 * `tls.crt`, `tls.key`, `ca.crt` of a Kubernetes secret.
 *
 * @throws {@link CertError} `ERR_CERT_FILE`, `ERR_CERT_FILE_MODE` if others may read the key.
 */
export function readCaFiles(directory: string, options: KeyFileOptions = {}): CaMaterial {
  const file = (name: string): string => join(directory, name);
  if (existsSync(file("ca-cert.pem"))) {
    return {
      caCert: readText(file("ca-cert.pem")),
      caKey: readKeyText(file("ca-key.pem"), options),
      certChain: existsSync(file("cert-chain.pem")) ? readText(file("cert-chain.pem")) : "",
      rootCert: readText(file("root-cert.pem")),
    };
  }
  const certificate = readText(file("tls.crt"));
  const caKey = readKeyText(file("tls.key"), options);
  // The first certificate of tls.crt signs, the others lead to the root.
  return { caCert: certificate, caKey, certChain: certificate, rootCert: readText(file("ca.crt")) };
}

/** Writes one file as a whole: beside it first, then renamed over it. */
export function writeWhole(path: string, text: string, mode: number = 0o600): void {
  const directory = dirname(path);
  const temporary = join(directory, `.${basename(path)}.${randomBytes(6).toString("hex")}`);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeNew(temporary, text, mode);
    renameSync(temporary, path);
    syncDirectory(directory);
  } catch (error) {
    discard(temporary);
    throw notWritten(path, error);
  }
}

const isMaterial = (value: Partial<CaMaterial> | null | undefined): boolean =>
  [value?.caCert, value?.caKey, value?.rootCert].every((text) => typeof text === "string");

/** A CA as `save` writes it; `undefined` for anything else, which must never pass for "there is none yet". */
function snapshotOf(text: string): CaSnapshot | undefined {
  let value: Partial<CaSnapshot> | null;
  try {
    value = JSON.parse(text) as Partial<CaSnapshot> | null;
  } catch {
    return undefined;
  }
  const { signer, other, roll, revoked = [] } = value ?? {};
  const whole =
    isMaterial(signer) &&
    (other === undefined || isMaterial(other)) &&
    ["idle", "prepared", "active"].includes(String(roll?.phase)) &&
    Number.isSafeInteger(roll?.bundleVersion) &&
    typeof roll?.holders === "object" &&
    roll.holders !== null &&
    Array.isArray(revoked) &&
    revoked.every((one: unknown) => /^(?:[0-9a-f]{2})*$/.test(String((one as { serial?: unknown } | null)?.serial)));
  return whole ? (value as CaSnapshot) : undefined;
}

/**
 * Keeps a CA with its keys and its roll in one file of mode 0600.
 *
 * @throws {@link CertError} from `load` and `save`: `ERR_CERT_FILE`, `ERR_CERT_FILE_MODE`.
 */
export function fileCaStore(path: string): CaStore {
  return {
    load() {
      if (!existsSync(path)) return undefined;
      const snapshot = snapshotOf(readKeyText(path));
      if (!snapshot) throw fileError(path, "does not hold a CA");
      return snapshot;
    },
    save: (snapshot) => writeWhole(path, JSON.stringify(snapshot)),
  };
}
