import { createHash, randomBytes } from "node:crypto";
import type { Ca, CaOptions, IssuedSvid, RollStep, RootRoll, SignOptions } from "../ca.js";
import { type Certificate, parseCertificate } from "../certificate.js";
import type { WallClock } from "../clock.js";
import { assembleSigned, type CertificateRequest, csrSchemeFits, csrSignatureError, parseCsr } from "../csr.js";
import { CertError } from "../errors.js";
import {
  checkIssued,
  type IssuanceLimits,
  type IssuanceOrder,
  issuedSignatureError,
  issuedSvid,
  keyIdentifier,
  orderToBeSigned,
} from "../issuance.js";
import type { PrivateKey } from "../private-key.js";
import { caToBeSigned, distinguishedName } from "../profile.js";
import type { KeyAlgorithm } from "../public-key.js";
import { initialRoll, type RollEvent, type RollState, type RollStatus, rollStatus, stepRoll } from "../root-roll.js";
import { schemeOf } from "../signature.js";
import type { IssuedChain, IssueOptions, SvidIssuer } from "../source.js";
import { type SpiffeId, TrustDomain } from "../spiffe-id.js";
import { bundleSet, type TrustBundle, trustBundle } from "../trust-bundle.js";
import { systemScheduler } from "./clock.js";
import { generateKey, nodeCrypto, verifyAsync } from "./keys.js";

const DAY_MS = 86_400_000;

/** A certificate that signs, with its key and what leads from it to its root. */
interface Signer {
  readonly key: PrivateKey;
  readonly issuers: readonly [Certificate, ...Certificate[]];
  readonly root: Certificate;
}

const sha256 = (data: Uint8Array): Uint8Array => new Uint8Array(createHash("sha256").update(data).digest());

/** 20 octets of which 158 bits are chance: positive, and never shorter. */
function newSerial(): Uint8Array {
  const serial = new Uint8Array(randomBytes(20));
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

function newRoot(
  trustDomain: TrustDomain,
  algorithm: KeyAlgorithm,
  ttlMs: number,
  backdateMs: number,
  now: number,
): Signer {
  const key = generateKey(algorithm);
  const serial = newSerial();
  const id = keyIdentifier(key.publicKey, sha256);
  // Two roots of one domain get two names: programs that look issuers up by name alone then find the right one.
  const subject = distinguishedName(trustDomain, `root ${Buffer.from(id.subarray(0, 4)).toString("hex")}`);
  const tbs = caToBeSigned({
    serial,
    issuer: subject,
    subject,
    trustDomain,
    notBefore: Math.floor((now - backdateMs) / 1000) * 1000,
    notAfter: Math.floor((now + ttlMs) / 1000) * 1000,
    publicKey: key.publicKey,
    subjectKeyId: id,
    issuerKey: key.publicKey,
    authorityKeyId: undefined,
  });
  const root = parseCertificate(assembleSigned(tbs, key.publicKey, key.sign(tbs)), "root");
  return { key, issuers: [root], root };
}

function positive(value: number, path: string): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw new CertError("ERR_CERT_OPTION", path, `expected a positive number of milliseconds, got ${value}`);
}

class NodeCa implements Ca {
  readonly trustDomain: TrustDomain;
  readonly roll: RootRoll;
  readonly #options: CaOptions;
  readonly #limits: IssuanceLimits;
  readonly #clock: WallClock;
  readonly #watchers = new Set<(bundle: TrustBundle) => void>();
  #signer: Signer;
  /** The other root during a roll: the new one while prepared, the old one while active. */
  #other: Signer | undefined;
  #state: RollState = initialRoll;
  #bundle: TrustBundle;

  constructor(options: CaOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemScheduler;
    this.trustDomain = TrustDomain.parse(options.trustDomain);
    this.#limits = {
      defaultTtlMs: positive(options.defaultTtlMs ?? DAY_MS, "default_ttl_ms"),
      maxTtlMs: positive(options.maxTtlMs ?? 90 * DAY_MS, "max_ttl_ms"),
      backdateMs: options.backdateMs ?? 120_000,
    };
    this.#signer = this.#newRoot();
    this.#bundle = this.#makeBundle();
    const step = (event: RollEvent): RollStatus => this.#step(event);
    this.roll = {
      status: () => rollStatus(this.#state),
      prepare: () => step({ kind: "prepare" }),
      acknowledge: (holder, bundleVersion) => step({ kind: "acknowledge", holder, bundleVersion }),
      forget: (holder) => step({ kind: "forget", holder }),
      activate: (how?: RollStep) => step({ kind: "activate", force: how?.force ?? false }),
      retire: (how?: RollStep) => step({ kind: "retire", force: how?.force ?? false }),
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
    const scheme = schemeOf(signer.key.publicKey).scheme;
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
    const scheme = schemeOf(signer.key.publicKey).scheme;
    if (!(await verifyAsync(scheme, signer.issuers[0].publicKey, tbs, signature))) throw issuedSignatureError();
    return this.#issued(leaf, order);
  }

  issuerFor(identity: SpiffeId): SvidIssuer {
    return {
      issue: (csr: Uint8Array, options: IssueOptions = {}): Promise<IssuedChain> =>
        this.signAsync(csr, identity, options.ttlMs === undefined ? {} : { ttlMs: options.ttlMs }),
    };
  }

  watch(listener: (bundle: TrustBundle) => void): Disposable {
    this.#watchers.add(listener);
    return { [Symbol.dispose]: () => void this.#watchers.delete(listener) };
  }

  #newRoot(): Signer {
    const { keyAlgorithm = "P-256", rootTtlMs = 3650 * DAY_MS } = this.#options;
    const ttlMs = positive(rootTtlMs, "root_ttl_ms");
    return newRoot(this.trustDomain, keyAlgorithm, ttlMs, this.#limits.backdateMs, this.#clock.now());
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
      subjectKeyId: keyIdentifier(request.publicKey, sha256),
    };
  }

  #issued(leaf: Certificate, order: IssuanceOrder): IssuedSvid {
    this.#state = stepRoll(this.#state, { kind: "issued", notAfter: leaf.notAfter }, order.now);
    return issuedSvid(leaf, order, bundleSet(this.#bundle));
  }

  #step(event: RollEvent): RollStatus {
    // The reducer refuses what is not due before anything is made or thrown away.
    this.#state = stepRoll(this.#state, event, this.#clock.now());
    if (event.kind === "prepare") this.#other = this.#newRoot();
    else if (event.kind === "activate" && this.#other) [this.#signer, this.#other] = [this.#other, this.#signer];
    else if (event.kind === "retire") this.#other = undefined;
    if (event.kind === "prepare" || event.kind === "retire") {
      this.#bundle = this.#makeBundle();
      for (const watcher of this.#watchers) watcher(this.#bundle);
    }
    return rollStatus(this.#state);
  }

  #makeBundle(): TrustBundle {
    const roots = [this.#signer.root, ...(this.#other ? [this.#other.root] : [])];
    return { ...trustBundle(this.trustDomain, roots), sequence: BigInt(this.#state.bundleVersion) };
  }
}

/**
 * Makes a certificate authority with a new self-signed root, in memory.
 *
 * @throws {@link CertError} `ERR_CERT_ID_…` for the trust domain, `ERR_CERT_OPTION` for a lifetime that is none.
 */
export function createCa(options: CaOptions): Ca {
  return new NodeCa(options);
}
