import type {
  Ca,
  CaOptions,
  CaSnapshot,
  IntermediateOptions,
  IssuedSvid,
  RevokedSerial,
  RollStep,
  RootRoll,
  SignOptions,
} from "../ca.js";
import type { CaMaterial } from "../ca-material.js";
import { type Certificate, sameBytes, toHex } from "../certificate.js";
import type { WallClock } from "../clock.js";
import { crlToBeSigned, parseCrl, type RevocationList } from "../crl.js";
import { assembleSigned, type CertificateRequest, csrSchemeFits, csrSignatureError, parseCsr } from "../csr.js";
import { CertError } from "../errors.js";
import {
  checkIssued,
  type IssuanceLimits,
  type IssuanceOrder,
  issuedSignatureError,
  issuedSvid,
  orderToBeSigned,
} from "../issuance.js";
import { initialRoll, type RollEvent, type RollState, type RollStatus, rollStatus, stepRoll } from "../root-roll.js";
import { schemeOf } from "../signature.js";
import type { IssuedChain, IssueOptions, SvidIssuer } from "../source.js";
import { type SpiffeId, TrustDomain } from "../spiffe-id.js";
import { bundleSet, type TrustBundle, trustBundle } from "../trust-bundle.js";
import { systemScheduler } from "./clock.js";
import { newIntermediate } from "./intermediate.js";
import { nodeCrypto, verifyAsync } from "./keys.js";
import { keyIdOf, newRoot, newSerial, pluggedIn, type Signer, toMaterial } from "./signer.js";

const DAY_MS = 86_400_000;

function positive(value: number, path: string): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw new CertError("ERR_CERT_OPTION", path, `expected a positive number of milliseconds, got ${value}`);
}

function notNegative(value: number, path: string): number {
  return value === 0 ? 0 : positive(value, path);
}

function uniqueRoots(signers: readonly Signer[]): readonly Certificate[] {
  const roots = signers.flatMap((signer) => signer.roots);
  return roots.filter((root, i) => roots.findIndex((other) => sameBytes(other.der, root.der)) === i);
}

class NodeCa implements Ca {
  readonly trustDomain: TrustDomain;
  readonly roll: RootRoll;
  readonly #options: CaOptions;
  readonly #limits: IssuanceLimits;
  readonly #clock: WallClock;
  readonly #watchers = new Set<(bundle: TrustBundle) => void>();
  #signer: Signer;
  /** The other signer during a roll: the new one while prepared, the old one while active. */
  #other: Signer | undefined;
  #state: RollState = initialRoll;
  #bundle: TrustBundle;
  #revoked: readonly RevokedSerial[] = [];
  #crlNumber = 0;

  constructor(options: CaOptions, material: CaMaterial | undefined) {
    this.#options = options;
    this.#clock = options.clock ?? systemScheduler;
    this.trustDomain = TrustDomain.parse(options.trustDomain);
    const maxTtlMs = positive(options.maxTtlMs ?? 90 * DAY_MS, "max_ttl_ms");
    this.#limits = {
      defaultTtlMs: Math.min(maxTtlMs, positive(options.defaultTtlMs ?? DAY_MS, "default_ttl_ms")),
      maxTtlMs,
      backdateMs: notNegative(options.backdateMs ?? 120_000, "backdate_ms"),
    };
    const now = this.#clock.now();
    const saved = material ? undefined : options.store?.load();
    if (saved) {
      this.#signer = pluggedIn(saved.signer, this.trustDomain, now);
      this.#other = saved.other && pluggedIn(saved.other, this.trustDomain, now);
      // What was issued since it was saved is not known: nothing may be retired before the longest of that is over.
      const leavesUntil = Math.min(now + this.#limits.maxTtlMs, this.#signer.issuers[0].notAfter);
      this.#state = { ...saved.roll, leavesUntil };
      this.#revoked = saved.revoked ?? [];
    } else this.#signer = material ? pluggedIn(material, this.trustDomain, now) : this.#newRoot();
    this.#bundle = this.#makeBundle(this.#signer, this.#other, this.#state);
    if (!saved) this.#save(this.#signer, this.#other, this.#state, this.#revoked);
    this.roll = {
      status: () => rollStatus(this.#state),
      prepare: (next) => this.#step({ kind: "prepare" }, next),
      acknowledge: (holder, bundleVersion) => this.#step({ kind: "acknowledge", holder, bundleVersion }),
      forget: (holder) => this.#step({ kind: "forget", holder }),
      activate: (how?: RollStep) => this.#step({ kind: "activate", force: how?.force ?? false }),
      retire: (how?: RollStep) => this.#step({ kind: "retire", force: how?.force ?? false }),
      preview: (step, how) =>
        rollStatus(stepRoll(this.#state, { kind: step, force: how?.force ?? false }, this.#clock.now())),
    };
  }

  get issuer(): Certificate {
    return this.#signer.issuers[0];
  }

  bundle(): TrustBundle {
    return this.#bundle;
  }

  sign(csr: Uint8Array | string, identity: SpiffeId, options: SignOptions = {}): IssuedSvid {
    const request = parseCsr(csr);
    const good =
      csrSchemeFits(request) && nodeCrypto.verify(request.scheme, request.publicKey, request.tbs, request.signature);
    if (!good) throw csrSignatureError();
    const signer = this.#signer;
    const order = this.#order(signer, request, identity, options);
    const tbs = orderToBeSigned(order);
    const signature = signer.key.sign(tbs);
    const leaf = checkIssued(assembleSigned(tbs, signer.key.publicKey, signature), order);
    const { scheme } = schemeOf(signer.key.publicKey);
    if (!nodeCrypto.verify(scheme, signer.issuers[0].publicKey, tbs, signature)) throw issuedSignatureError();
    return this.#issued(leaf, order);
  }

  async signAsync(csr: Uint8Array | string, identity: SpiffeId, options: SignOptions = {}): Promise<IssuedSvid> {
    const request = parseCsr(csr);
    const good =
      csrSchemeFits(request) && (await verifyAsync(request.scheme, request.publicKey, request.tbs, request.signature));
    if (!good) throw csrSignatureError();
    const signer = this.#signer;
    const order = this.#order(signer, request, identity, options);
    const tbs = orderToBeSigned(order);
    const signature = await signer.key.signAsync(tbs);
    const leaf = checkIssued(assembleSigned(tbs, signer.key.publicKey, signature), order);
    const { scheme } = schemeOf(signer.key.publicKey);
    if (!(await verifyAsync(scheme, signer.issuers[0].publicKey, tbs, signature))) throw issuedSignatureError();
    return this.#issued(leaf, order);
  }

  issuerFor(identity: SpiffeId): SvidIssuer {
    return {
      issue: (csr: Uint8Array, options: IssueOptions = {}): Promise<IssuedChain> =>
        this.signAsync(csr, identity, options.ttlMs === undefined ? {} : { ttlMs: options.ttlMs }),
    };
  }

  reload(material: CaMaterial): void {
    const next = pluggedIn(material, this.trustDomain, this.#clock.now());
    const known = this.#bundle.x509Authorities;
    if (!next.roots.some((root) => known.some((other) => sameBytes(root.der, other.der)))) {
      throw new CertError(
        "ERR_CERT_ROLL_STATE",
        "ca_cert",
        "it is of another root: nobody trusts that yet, prepare a roll",
      );
    }
    this.#save(next, this.#other, this.#state, this.#revoked);
    this.#signer = next;
  }

  intermediate(options: IntermediateOptions = {}): CaMaterial {
    const ttlMs = positive(options.ttlMs ?? 365 * DAY_MS, "ttl_ms");
    const recipe = { ttlMs, keyAlgorithm: options.keyAlgorithm ?? "P-256", backdateMs: this.#limits.backdateMs };
    return newIntermediate(this.#signer, this.trustDomain, recipe, this.#clock.now());
  }

  revoke(serial: Uint8Array): RevocationList {
    const entry = { serial: toHex(serial), at: Math.floor(this.#clock.now() / 1000) * 1000 };
    const revoked = [...this.#revoked, entry];
    this.#save(this.#signer, this.#other, this.#state, revoked);
    this.#revoked = revoked;
    return this.crl();
  }

  crl(): RevocationList {
    const now = Math.floor(this.#clock.now() / 1000) * 1000;
    const [issuer] = this.#signer.issuers;
    // By the clock, so that it grows over restarts too.
    this.#crlNumber = Math.max(this.#crlNumber + 1, now / 1000);
    const revoked = this.#revoked.map(({ serial, at }) => ({ serial: Buffer.from(serial, "hex"), at }));
    const number = this.#crlNumber;
    const tbs = crlToBeSigned({ issuer, number, thisUpdate: now, nextUpdate: now + DAY_MS, revoked });
    return parseCrl(assembleSigned(tbs, issuer.publicKey, this.#signer.key.sign(tbs)));
  }

  watch(listener: (bundle: TrustBundle) => void): Disposable {
    this.#watchers.add(listener);
    return { [Symbol.dispose]: () => void this.#watchers.delete(listener) };
  }

  #newRoot(): Signer {
    return newRoot({
      trustDomain: this.trustDomain,
      keyAlgorithm: this.#options.keyAlgorithm ?? "P-256",
      ttlMs: positive(this.#options.rootTtlMs ?? 3650 * DAY_MS, "root_ttl_ms"),
      backdateMs: this.#limits.backdateMs,
      now: this.#clock.now(),
    });
  }

  #order(signer: Signer, request: CertificateRequest, id: SpiffeId, options: SignOptions): IssuanceOrder {
    return {
      request,
      id,
      issuers: signer.issuers,
      trustDomain: this.trustDomain,
      ttlMs: options.ttlMs,
      limits: this.#limits,
      now: this.#clock.now(),
      serial: newSerial(),
      subjectKeyId: keyIdOf(request.publicKey),
      ...(options.dnsNames ? { dnsNames: options.dnsNames } : {}),
    };
  }

  #issued(leaf: Certificate, order: IssuanceOrder): IssuedSvid {
    // A roll may have happened while the signature was made; the leaf counts for the one that signed it.
    const kind = order.issuers === this.#signer.issuers ? "issued" : "issued-before";
    this.#state = stepRoll(this.#state, { kind, notAfter: leaf.notAfter }, order.now);
    return issuedSvid(leaf, order, bundleSet(this.#bundle));
  }

  /** The reducer refuses what is not due before anything is made; what cannot be stored does not happen. */
  #step(event: RollEvent, next?: CaMaterial): RollStatus {
    const now = this.#clock.now();
    const state = stepRoll(this.#state, event, now);
    let [signer, other] = [this.#signer, this.#other];
    if (event.kind === "prepare") other = next ? pluggedIn(next, this.trustDomain, now) : this.#newRoot();
    else if (event.kind === "activate" && other) [signer, other] = [other, signer];
    else if (event.kind === "retire") other = undefined;
    const bundle = this.#makeBundle(signer, other, state);
    this.#save(signer, other, state, this.#revoked);
    [this.#signer, this.#other, this.#state] = [signer, other, state];
    if (event.kind === "prepare" || event.kind === "retire") {
      this.#bundle = bundle;
      for (const watcher of [...this.#watchers]) watcher(bundle);
    }
    return rollStatus(state);
  }

  #makeBundle(signer: Signer, other: Signer | undefined, state: RollState): TrustBundle {
    const roots = uniqueRoots(other ? [signer, other] : [signer]);
    return { ...trustBundle(this.trustDomain, roots), sequence: BigInt(state.bundleVersion) };
  }

  #save(signer: Signer, other: Signer | undefined, roll: RollState, revoked: readonly RevokedSerial[]): void {
    const snapshot: CaSnapshot = { signer: toMaterial(signer), other: other && toMaterial(other), roll, revoked };
    this.#options.store?.save(snapshot);
  }
}

/**
 * Makes a certificate authority with a new self-signed root, or takes up the one that its store holds.
 *
 * @throws {@link CertError} `ERR_CERT_ID_…` for the trust domain, `ERR_CERT_OPTION` for a lifetime that is none, and what the store throws.
 */
export function createCa(options: CaOptions): Ca {
  return new NodeCa(options, undefined);
}

/**
 * Makes a certificate authority of certificates and a key that come from elsewhere, for example istio's `cacerts`.
 *
 * @throws {@link CertError} `ERR_CERT_KEY_MISMATCH`, `ERR_CERT_ISSUER_…`, `ERR_CERT_UNTRUSTED` if the parts do not fit together.
 */
export function pluggedInCa(material: CaMaterial, options: CaOptions): Ca {
  return new NodeCa(options, material);
}
