import { type FSWatcher, watch } from "node:fs";
import { dirname, join } from "node:path";
import { parseCertificates, sameBytes } from "../certificate.js";
import type { Scheduler } from "../clock.js";
import { CertError } from "../errors.js";
import type { Identity, IdentitySource } from "../source.js";
import { SpiffeId } from "../spiffe-id.js";
import { type BundleSet, bundleSet, mergeBundles, trustBundle } from "../trust-bundle.js";
import { systemScheduler } from "./clock.js";
import { ISTIO_FILES, type KeyFileOptions, readKeyText, readText } from "./files.js";
import { IdentityCell } from "./identity-cell.js";
import { importKey } from "./keys.js";
import { verifySvid } from "./verify.js";

/** The names of the files of an identity. */
export interface IdentityFileNames {
  /** The private key. */
  readonly key: string;
  /** The chain, leaf first. */
  readonly chain: string;
  /** The authorities of the workload's trust domain. */
  readonly roots: string;
}

/** Where an identity is found in files. */
export interface FileSourceOptions extends KeyFileOptions {
  /** The folder. */
  readonly directory: string;
  /** The names in it. Default: `key.pem`, `cert-chain.pem`, `root-cert.pem`. */
  readonly files?: IdentityFileNames;
  /** Bundles of other trust domains, known from elsewhere. Default: none. */
  readonly bundles?: BundleSet;
  /** How often the files are looked at besides the notices of the system, in milliseconds. Default: 5,000. */
  readonly pollMs?: number;
  /** Called when the files cannot be used; what was read before goes on being served. */
  readonly onFailure?: (error: unknown) => void;
  /** Time of day and timers. Default: the system's. */
  readonly scheduler?: Scheduler;
}

/** An identity that follows files. */
export interface FileSource extends IdentitySource, Disposable {
  /** Looks at the files now. */
  refresh(): void;
}

/**
 * Takes the identity from files that something else renews. Folders are watched *and* looked at from time to time: a
 * second switch of a link is not told by every system. Files that do not fit together, as while they are being
 * replaced one by one, are left for the next look.
 */
export function fileSource(options: FileSourceOptions): FileSource {
  const names = options.files ?? ISTIO_FILES;
  const scheduler = options.scheduler ?? systemScheduler;
  const cell = new IdentityCell();
  let seen = "";
  let disposed = false;
  let timer: Disposable | undefined;
  const watchers: FSWatcher[] = [];

  const read = (): void => {
    const path = (name: string): string => join(options.directory, name);
    const texts = {
      key: readKeyText(path(names.key), options),
      chain: readText(path(names.chain)),
      roots: readText(path(names.roots)),
    };
    const content = `${texts.key}\n${texts.chain}\n${texts.roots}`;
    if (content === seen) return;
    cell.set(...load(texts));
    seen = content;
  };
  const load = (texts: { key: string; chain: string; roots: string }): [Identity["svid"], BundleSet] => {
    const key = importKey(texts.key);
    const chain = parseCertificates(texts.chain, names.chain);
    const roots = parseCertificates(texts.roots, names.roots);
    const [leaf] = chain;
    if (!leaf || !sameBytes(leaf.publicKey.spki, key.publicKey.spki)) {
      throw new CertError("ERR_CERT_KEY_MISMATCH", names.key, `does not belong to ${names.chain}`);
    }
    const uri = leaf.names.find((name) => name.kind === "uri");
    const claimed = SpiffeId.parse(uri?.kind === "uri" ? uri.value : "", names.chain);
    const own = bundleSet(trustBundle(SpiffeId.trustDomain(claimed), roots));
    const bundles = mergeBundles(options.bundles ?? new Map(), own);
    const verdict = verifySvid(chain, bundles, scheduler.now());
    if (verdict.kind === "rejected") throw verdict.error;
    const known = cell.current()?.bundles;
    const merged = known ? mergeBundles(known, bundles) : bundles;
    return [{ id: verdict.id, chain, key, notBefore: leaf.notBefore, notAfter: leaf.notAfter }, merged];
  };
  const refresh = (): void => {
    try {
      read();
    } catch (error) {
      options.onFailure?.(error);
    }
  };
  const poll = (): void => {
    if (disposed) return;
    refresh();
    timer = scheduler.after(options.pollMs ?? 5000, poll);
  };

  for (const folder of new Set([
    options.directory,
    ...Object.values(names).map((name) => dirname(join(options.directory, name))),
  ])) {
    try {
      const watcher = watch(folder, { persistent: false }, () => refresh());
      // A folder that goes away ends the notices; looking from time to time goes on.
      watcher.on("error", () => watcher.close());
      watchers.push(watcher);
    } catch {
      // The folder may come later; looking from time to time will find it.
    }
  }
  poll();
  return {
    current: () => cell.current(),
    ready: (signal) => cell.ready(signal),
    watch: (listener) => cell.watch(listener),
    refresh,
    [Symbol.dispose]() {
      disposed = true;
      timer?.[Symbol.dispose]();
      for (const watcher of watchers) watcher.close();
      cell[Symbol.dispose]();
    },
  };
}
