import type { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { CertError } from "../errors.js";
import type { IdMatcher } from "../matcher.js";
import { MAX_CHAIN } from "../path.js";
import type { SvidVerdict, VerifiedSvid } from "../peer.js";
import type { BundleSet } from "../trust-bundle.js";
import { verifySvidCached } from "./verified-cache.js";

/** On the socket itself, for the sockets that HTTP/2 sessions show are proxies, which no map knows. */
const PEER = Symbol("peer");

/**
 * Who is at the other end of a socket that came through one of these helpers.
 *
 * @returns What the peer proved; `undefined` for a client without a certificate, for sockets from elsewhere, and for the
 *   socket of an HTTP/2 session that has ended.
 */
export function peerOf(socket: Socket): VerifiedSvid | undefined {
  try {
    return (socket as Socket & { readonly [PEER]?: VerifiedSvid })[PEER];
  } catch {
    return undefined;
  }
}

/** Notes who a socket's peer is. */
export function setPeer(socket: Socket, peer: VerifiedSvid): void {
  Object.defineProperty(socket, PEER, { value: peer, configurable: true });
}

function reject(
  code: "ERR_CERT_SESSION_RESUMED" | "ERR_CERT_NO_PEER_CERTIFICATE" | "ERR_CERT_HANDSHAKE",
  problem: string,
): SvidVerdict {
  return { kind: "rejected", error: new CertError(code, "peer", problem), claimedId: undefined };
}

/** Applies the matcher of the application to what was proved. */
export function authorizePeer(verdict: SvidVerdict, authorize: IdMatcher): SvidVerdict {
  if (verdict.kind === "rejected") return verdict;
  const refuse = (problem: string, options?: ErrorOptions): SvidVerdict => ({
    kind: "rejected",
    error: new CertError("ERR_CERT_PEER_NOT_AUTHORIZED", "peer", problem, options),
    claimedId: verdict.id,
  });
  try {
    return authorize(verdict.id) ? verdict : refuse(`${verdict.id} is not one of those expected here`);
  } catch (cause) {
    // Thrown on, it would end the process in the middle of a handshake, at a time that the peer chooses.
    return refuse(`the matcher failed on ${verdict.id}`, { cause });
  }
}

/** The certificates that the peer sent, leaf first. */
export function peerChain(socket: TLSSocket): readonly Uint8Array[] {
  const chain: Uint8Array[] = [];
  let certificate: X509Certificate | undefined = socket.getPeerX509Certificate();
  while (certificate && chain.length <= MAX_CHAIN) {
    chain.push(new Uint8Array(certificate.raw));
    certificate = certificate.issuerCertificate;
  }
  return chain;
}

/**
 * The second gate, to be passed before a byte of the peer reaches the application: OpenSSL must have accepted the
 * chain in this very handshake, and the chain must be an X509-SVID of the trust domain whose authority it ends in.
 */
export function judgePeer(socket: TLSSocket, bundles: BundleSet, now: number, authorize: IdMatcher): SvidVerdict {
  if (socket.isSessionReused()) {
    return reject("ERR_CERT_SESSION_RESUMED", "the session was resumed, so that nothing about the peer was checked");
  }
  const chain = peerChain(socket);
  if (chain.length === 0) return reject("ERR_CERT_NO_PEER_CERTIFICATE", "the peer showed no certificate");
  const verdict = verifySvidCached(chain, bundles, now);
  if (verdict.kind === "rejected") return verdict;
  if (!socket.authorized) {
    const reason = String(socket.authorizationError ?? "no reason given");
    return reject("ERR_CERT_HANDSHAKE", `OpenSSL does not accept the chain: ${reason}`);
  }
  return authorizePeer(verdict, authorize);
}
