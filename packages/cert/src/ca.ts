import type { CaMaterial } from "./ca-material.js";
import type { Certificate } from "./certificate.js";
import type { WallClock } from "./clock.js";
import type { RevocationList } from "./crl.js";
import type { KeyAlgorithm } from "./public-key.js";
import type { RollState, RollStatus } from "./root-roll.js";
import type { IssuedChain, SvidIssuer } from "./source.js";
import type { SpiffeId, TrustDomain } from "./spiffe-id.js";
import type { TrustBundle } from "./trust-bundle.js";

/** How a CA is made. All times are milliseconds. */
export interface CaOptions {
  /** The trust domain it issues for. */
  readonly trustDomain: string;
  /** The algorithm of its own keys. Default: `P-256`. */
  readonly keyAlgorithm?: KeyAlgorithm;
  /** How long a root lives. Default: 3650 days, as Citadel's. */
  readonly rootTtlMs?: number;
  /** How long a leaf lives if nothing is asked for, at most `maxTtlMs`. Default: 24 hours, as Citadel's. */
  readonly defaultTtlMs?: number;
  /** The longest lifetime that may be asked for. Default: 90 days, as Citadel's. */
  readonly maxTtlMs?: number;
  /** How far back the validity of a leaf begins, for peers whose clocks are slow. Default: 2 minutes, as Citadel's. */
  readonly backdateMs?: number;
  /** The wall clock. Default: the system's. */
  readonly clock?: WallClock;
  /** Where the CA and the state of its roll are kept. Default: nowhere, it lives as long as the process. */
  readonly store?: CaStore;
}

/** A CA and the state of its roll, whole: whoever has this is the CA. */
export interface CaSnapshot {
  /** What signs now. */
  readonly signer: CaMaterial;
  /** During a roll the other root: the new one before it is activated, the old one after. */
  readonly other: CaMaterial | undefined;
  /** Where the roll stands. */
  readonly roll: RollState;
  /** What has been revoked. Absent: nothing, as in what earlier versions kept. */
  readonly revoked?: readonly RevokedSerial[];
}

/** A leaf that has been revoked. */
export interface RevokedSerial {
  /** Its serial number in lower-case hexadecimal. */
  readonly serial: string;
  /** When it was revoked, milliseconds since 1970. */
  readonly at: number;
}

/** Keeps a CA. */
export interface CaStore {
  /** What was saved last; `undefined` if there is nothing yet. */
  load(): CaSnapshot | undefined;
  /** Saves before anything depends on it; a throw means that the change does not happen. */
  save(snapshot: CaSnapshot): void;
}

/** What a CA gives for a signing request. */
export interface IssuedSvid extends IssuedChain {
  /** The identity that was certified. */
  readonly id: SpiffeId;
  /** The serial number in lower-case hexadecimal. */
  readonly serial: string;
  /** First instant of validity, milliseconds since 1970. */
  readonly notBefore: number;
  /** Last instant of validity, milliseconds since 1970; never beyond the issuer's. */
  readonly notAfter: number;
  /** The chain in PEM, leaf first. */
  readonly chainPem: string;
}

/** What may be said about one signature. */
export interface SignOptions {
  /** The lifetime, in milliseconds. Zero or less, or absent: the default of the CA. */
  readonly ttlMs?: number;
  /** DNS names to add, for programs that know nothing of SPIFFE; from the CA's owner, never from the request. A leading `*.` is allowed. Default: none. */
  readonly dnsNames?: readonly string[];
}

/** What may be said about an intermediate. */
export interface IntermediateOptions {
  /** How long it lives, in milliseconds, at most as long as its issuer. Default: 365 days. */
  readonly ttlMs?: number;
  /** The algorithm of its key. Default: `P-256`. */
  readonly keyAlgorithm?: KeyAlgorithm;
}

/** A certificate authority of one trust domain, in this process. */
export interface Ca {
  /** The trust domain it issues for. */
  readonly trustDomain: TrustDomain;
  /** The certificate that signs now. */
  readonly issuer: Certificate;
  /** What everybody should trust now; during a root roll it holds both roots. */
  bundle(): TrustBundle;
  /**
   * Checks a signing request and issues a leaf for `identity`. Nothing but the key is taken from the request.
   *
   * @param csr - DER, or PEM with one block.
   * @throws {@link CertError} `ERR_CERT_CSR_…`, `ERR_CERT_WEAK_KEY`, `ERR_CERT_UNSUPPORTED_KEY`, `ERR_CERT_TTL`, `ERR_CERT_CA_NOT_READY`,
   *   `ERR_CERT_OPTION` for a DNS name that is none.
   */
  sign(csr: Uint8Array | string, identity: SpiffeId, options?: SignOptions): IssuedSvid;
  /** As {@link Ca.sign}, with the signature made on the thread pool. */
  signAsync(csr: Uint8Array | string, identity: SpiffeId, options?: SignOptions): Promise<IssuedSvid>;
  /** An issuer for one identity, for whoever lives in this process: what `rotate` takes. */
  issuerFor(identity: SpiffeId): SvidIssuer;
  /**
   * Signs with another certificate of the same root from now on, as when the files of a plugged-in CA change.
   *
   * @throws {@link CertError} `ERR_CERT_ROLL_STATE` if its root is not in the bundle, and what {@link pluggedInCa} throws.
   */
  reload(material: CaMaterial): void;
  /**
   * Makes a CA below this one, with a key of its own, for `pluggedInCa` and istio's file names: it may issue leaves but
   * no CA, and URIs of this trust domain alone. The key is secret.
   *
   * @throws {@link CertError} `ERR_CERT_CA_NOT_READY`, `ERR_CERT_PATH_LENGTH` if this CA may have none below it.
   */
  intermediate(options?: IntermediateOptions): CaMaterial;
  /** Revokes a leaf by its serial number, and gives the list that says so; the store remembers it. */
  revoke(serial: Uint8Array): RevocationList;
  /** A new revocation list of what has been revoked, good for a day. */
  crl(): RevocationList;
  /** The root roll: new key, both roots distributed, the new one issues, the old one goes. */
  readonly roll: RootRoll;
  /** Calls `listener` whenever {@link Ca.bundle} changes; it must be quick. */
  watch(listener: (bundle: TrustBundle) => void): Disposable;
}

/** A change of the root with a new key, step by step, so that no peer ever meets a certificate it cannot verify. */
export interface RootRoll {
  /** Where the roll stands. */
  status(): RollStatus;
  /**
   * Makes a new root key and certificate, or takes the one given, and puts it into the bundle; the old root goes on
   * issuing.
   *
   * @throws {@link CertError} `ERR_CERT_ROLL_STATE` if a roll is under way.
   */
  prepare(next?: CaMaterial): RollStatus;
  /** Notes that a holder of the bundle has the version of {@link RollStatus.bundleVersion}. Its first time makes it known. */
  acknowledge(holder: string, bundleVersion: number): RollStatus;
  /** Forgets a holder that is gone, so that nobody waits for it. */
  forget(holder: string): RollStatus;
  /**
   * Issues from the new root from now on.
   *
   * @param options - `force`: do so although expected holders have not acknowledged.
   * @throws {@link CertError} `ERR_CERT_ROLL_STATE` if nothing is prepared, or somebody has not acknowledged.
   */
  activate(options?: RollStep): RollStatus;
  /**
   * Takes the old root out of the bundle.
   *
   * @param options - `force`: do so although leaves of the old root are still valid.
   * @throws {@link CertError} `ERR_CERT_ROLL_STATE` if the new root does not issue yet, or old leaves are still valid.
   */
  retire(options?: RollStep): RollStatus;
  /**
   * Says what a step would lead to, without taking it.
   *
   * @throws {@link CertError} `ERR_CERT_ROLL_STATE` if it is not due.
   */
  preview(step: "prepare" | "activate" | "retire", options?: RollStep): RollStatus;
}

/** How a step of a root roll is taken. */
export interface RollStep {
  /** Take it although a condition is not met. Default: false. */
  readonly force?: boolean;
}
