import type { Ca } from "../ca.js";
import type { Scheduler } from "../clock.js";
import { type KeyAndCert, type KeyAndCertStore, type RenewalReason, renewalReason } from "../key-and-cert.js";
import { formatPem } from "../pem.js";
import { systemScheduler } from "./clock.js";
import { createCsr } from "./csr.js";

/** How secrets are looked after. */
export interface KeyAndCertOptions {
  /** The part of a certificate's lifetime that must be left, 0–1. Default: 0.5, as Citadel's. */
  readonly graceRatio?: number;
  /** How often the store is looked at, in milliseconds. Default: 60,000. */
  readonly intervalMs?: number;
  /** Called after each renewal. */
  readonly onRenewed?: (name: string, reason: RenewalReason) => void;
  /** Called after each failure; the others are looked after all the same. */
  readonly onFailure?: (name: string, error: unknown) => void;
  /** Time of day and timers. Default: the system's. */
  readonly scheduler?: Scheduler;
}

/** Looks after secrets until it is disposed of. */
export interface KeyAndCertController extends Disposable {
  /** Looks at all secrets now, and says how many were renewed. */
  reconcile(): Promise<number>;
}

/** Renews the certificates of a store: at their half life, when the roots change, and when something is wrong with them. */
export function keyAndCertController(
  ca: Ca,
  store: KeyAndCertStore,
  options: KeyAndCertOptions = {},
): KeyAndCertController {
  const scheduler = options.scheduler ?? systemScheduler;
  let timer: Disposable | undefined;
  let disposed = false;
  let running: Promise<number> = Promise.resolve(0);

  const renew = async (secret: KeyAndCert, reason: RenewalReason): Promise<void> => {
    const csr = createCsr();
    const { chainPem } = await ca.signAsync(csr.der, secret.id);
    const roots = ca.bundle().x509Authorities.map((root) => formatPem("CERTIFICATE", root.der));
    await store.put({ ...secret, certChain: chainPem, key: csr.key.exportPem(), rootCert: roots.join("") });
    options.onRenewed?.(secret.name, reason);
  };
  const pass = async (): Promise<number> => {
    let renewed = 0;
    for (const secret of await store.list()) {
      const reason = renewalReason(secret, ca.bundle(), options.graceRatio ?? 0.5, scheduler.now());
      if (disposed || reason === undefined) continue;
      try {
        await renew(secret, reason);
        renewed++;
      } catch (error) {
        options.onFailure?.(secret.name, error);
      }
    }
    return renewed;
  };
  // One pass at a time: two would renew the same secret twice.
  const reconcile = (): Promise<number> => {
    running = running.then(pass, pass);
    return running;
  };
  const loop = async (): Promise<void> => {
    await reconcile().catch((error: unknown) => options.onFailure?.("store", error));
    if (!disposed) timer = scheduler.after(options.intervalMs ?? 60_000, () => void loop());
  };
  const watching = ca.watch(() => void reconcile().catch((error: unknown) => options.onFailure?.("store", error)));
  void loop();
  return {
    reconcile,
    [Symbol.dispose]() {
      disposed = true;
      timer?.[Symbol.dispose]();
      watching[Symbol.dispose]();
    },
  };
}
