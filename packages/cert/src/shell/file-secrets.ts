import { type FSWatcher, realpathSync, watch } from "node:fs";
import { dirname, sep } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { parseCertificates, sameBytes } from "../certificate.js";
import type { Scheduler } from "../clock.js";
import { CertError } from "../errors.js";
import { formatPem } from "../pem.js";
import { type FileSecretName, parseFileSecretName } from "../secret-names.js";
import type { InlineBytes, SecretResource, SecretSource } from "../secret-source.js";
import { systemScheduler } from "./clock.js";
import { type KeyFileOptions, readKeyText, readText } from "./files.js";
import { importKey } from "./keys.js";

/** Which files are served as secrets, and from where. */
export interface FileSecretsOptions extends KeyFileOptions {
  /** The secrets: `file-cert:CHAIN~KEY` and `file-root:FILE`, as Istio writes them. Nothing else is ever read. */
  readonly names: readonly string[];
  /** The folders that the files must lie in, links followed. */
  readonly within: readonly string[];
  /** How often the files are looked at besides the notices of the system, in milliseconds. Default: 5,000. */
  readonly pollMs?: number;
  /** Called when files cannot be used; what was read before goes on being served. */
  readonly onFailure?: (error: unknown) => void;
  /** Timers. Default: the system's. */
  readonly scheduler?: Scheduler;
}

/** Secrets that follow files. */
export interface FileSecrets extends SecretSource, Disposable {
  /** Looks at the files now. */
  refresh(): void;
}

/** Where a file really is, if that is within one of the folders. */
function confined(path: string, folders: readonly string[]): string {
  let real: string;
  try {
    real = realpathSync(path);
  } catch (error) {
    throw new CertError("ERR_CERT_FILE", path, `cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
  const inside = folders.some((folder) => {
    try {
      const root = realpathSync(folder);
      return real.startsWith(root.endsWith(sep) ? root : root + sep);
    } catch {
      // A folder that is not there holds nothing.
      return false;
    }
  });
  if (!inside) throw new CertError("ERR_CERT_FILE", path, "lies outside the folders that are allowed");
  return real;
}

const inline = (text: string): InlineBytes => ({ inlineBytes: new TextEncoder().encode(text) });

function load(name: string, secret: FileSecretName, options: FileSecretsOptions): SecretResource {
  const path = (file: string): string => confined(file, options.within);
  const pem = (file: string): string => {
    const certificates = parseCertificates(readText(path(file)), file);
    if (certificates.length === 0) throw new CertError("ERR_CERT_PEM", file, "there is no certificate");
    return certificates.map(({ der }) => formatPem("CERTIFICATE", der)).join("");
  };
  if (secret.kind === "root") return { name, validationContext: { trustedCa: inline(pem(secret.roots)) } };
  const chain = pem(secret.chain);
  const key = importKey(readKeyText(path(secret.key), options));
  const [leaf] = parseCertificates(chain, secret.chain);
  if (!leaf || !sameBytes(leaf.publicKey.spki, key.publicKey.spki)) {
    throw new CertError("ERR_CERT_KEY_MISMATCH", secret.key, `does not belong to ${secret.chain}`);
  }
  return { name, tlsCertificate: { certificateChain: inline(chain), privateKey: inline(key.exportPem()) } };
}

/**
 * Serves files by SDS under Istio's names, confined to folders and to what was named: a client cannot ask for another
 * file. Files that do not fit together, as while they are being replaced, are left for the next look.
 *
 * @throws {@link CertError} `ERR_CERT_FILE` for a name that is none.
 */
export function fileSecrets(options: FileSecretsOptions): FileSecrets {
  const scheduler = options.scheduler ?? systemScheduler;
  const wanted = new Map(options.names.map((name) => [name, parseFileSecretName(name)]));
  const held = new Map<string, SecretResource>();
  const listeners = new Set<() => void>();
  const watchers: FSWatcher[] = [];
  let version = 0;
  let timer: Disposable | undefined;
  let disposed = false;

  const refresh = (): void => {
    let changed = false;
    for (const [name, secret] of wanted) {
      try {
        const resource = load(name, secret, options);
        if (isDeepStrictEqual(held.get(name), resource)) continue;
        held.set(name, resource);
        changed = true;
      } catch (error) {
        options.onFailure?.(error);
      }
    }
    if (!changed) return;
    version++;
    for (const listener of [...listeners]) listener();
  };
  const poll = (): void => {
    if (disposed) return;
    refresh();
    timer = scheduler.after(options.pollMs ?? 5000, poll);
  };
  const paths = [...wanted.values()].flatMap((one) => (one.kind === "cert" ? [one.chain, one.key] : [one.roots]));
  for (const folder of new Set(paths.map((path) => dirname(path)))) {
    try {
      const watcher = watch(folder, { persistent: false }, () => refresh());
      watcher.on("error", () => watcher.close());
      watchers.push(watcher);
    } catch {
      // The folder may come later; looking from time to time will find it.
    }
  }
  poll();
  return {
    get version() {
      return version;
    },
    names: () => [...held.keys()],
    get: (name) => held.get(name),
    watch(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    refresh,
    [Symbol.dispose]() {
      disposed = true;
      timer?.[Symbol.dispose]();
      for (const watcher of watchers) watcher.close();
      listeners.clear();
    },
  };
}
