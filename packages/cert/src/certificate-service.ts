import type { AuthenticatedCaller, Authenticator, CallerEvidence } from "./authenticator.js";
import type { Ca, IssuedSvid } from "./ca.js";
import { parseCsr } from "./csr.js";
import { CertError, type CertErrorCode } from "./errors.js";
import { type CreateCertificateRequest, encodeCreateCertificateResponse } from "./istio-ca.js";
import type { SpiffeId } from "./spiffe-id.js";

/** The gRPC status of an answer that is an error. */
export type ServiceStatus =
  | "INVALID_ARGUMENT"
  | "UNAUTHENTICATED"
  | "PERMISSION_DENIED"
  | "RESOURCE_EXHAUSTED"
  | "INTERNAL";

/** An answer that is a certificate. */
export interface IssuedAnswer {
  /** Tells the two answers apart. */
  readonly kind: "issued";
  /** The message for the caller. */
  readonly response: Uint8Array;
  /** What was issued. */
  readonly svid: IssuedSvid;
  /** To whom. */
  readonly caller: AuthenticatedCaller;
  /** Names that the request asked for and that are not the caller's; none of them was certified. */
  readonly ignored: readonly string[];
}

/** An answer that is an error. */
export interface RefusedAnswer {
  /** Tells the two answers apart. */
  readonly kind: "refused";
  /** The gRPC status. */
  readonly status: ServiceStatus;
  /** What the caller is told. */
  readonly text: string;
  /** Why, as one of the package's codes. */
  readonly code: CertErrorCode;
  /** Why in detail: for the log of the CA, not for the caller. */
  readonly detail: string;
  /** Who asked, if that is known. */
  readonly caller: AuthenticatedCaller | undefined;
}

/** What goes back to the caller: the message, or a status with a text that tells nothing it should not. */
export type ServiceAnswer = IssuedAnswer | RefusedAnswer;

/** What Citadel answers to each kind of failure. */
function statusOf(code: CertErrorCode): ServiceStatus {
  switch (code) {
    case "ERR_CERT_UNAUTHENTICATED":
      return "UNAUTHENTICATED";
    case "ERR_CERT_RATE_LIMITED":
      return "RESOURCE_EXHAUSTED";
    case "ERR_CERT_CA_NOT_READY":
    case "ERR_CERT_ISSUED_PROFILE":
      return "INTERNAL";
    default:
      return "INVALID_ARGUMENT";
  }
}

/** Tries the authenticators in order; the first that knows the caller wins. */
async function identify(
  authenticators: readonly Authenticator[],
  evidence: CallerEvidence,
): Promise<AuthenticatedCaller | readonly string[]> {
  const notes: string[] = [];
  for (const authenticator of authenticators) {
    const note = (detail: string): void => void notes.push(`${authenticator.name}: ${detail}`);
    try {
      const caller = await authenticator.authenticate(evidence, note);
      if (caller) return caller;
    } catch (error) {
      // One that fails, because its backend is away, must not keep the others from being asked.
      note(error instanceof CertError ? error.message : "failed");
    }
  }
  return notes;
}

/** What a service needs to answer. */
export interface CertificateService {
  /** Who signs. */
  readonly ca: Ca;
  /** Ways to know a caller. */
  readonly authenticators: readonly Authenticator[];
  /** Says whether this caller may ask now; default: always. */
  readonly admit?: (caller: AuthenticatedCaller) => boolean;
  /** What is done about a request that asks for names which are not the caller's. Default: `ignore`, as Citadel does. */
  readonly otherNames?: "ignore" | "reject";
  /** Says whether a caller may ask for another identity, as a node's agent does for its pods; default: never. */
  readonly mayImpersonate?: (caller: AuthenticatedCaller, wanted: string) => AuthenticatedCaller | undefined;
}

/** How many names of a request are told. */
const MAX_NAMES = 20;

function otherNames(csr: string, id: SpiffeId): readonly string[] {
  return parseCsr(csr)
    .requested.names.flatMap((name) => (name.kind === "other" ? [] : [String(name.value)]))
    .filter((name) => name !== id)
    .slice(0, MAX_NAMES);
}

/** Answers one CreateCertificate: who calls decides what is issued, the request only brings the key. */
export async function createCertificate(
  service: CertificateService,
  request: CreateCertificateRequest,
  evidence: CallerEvidence,
): Promise<ServiceAnswer> {
  let caller: AuthenticatedCaller | undefined;
  try {
    const known = await identify(service.authenticators, evidence);
    if (!("id" in known)) throw new CertError("ERR_CERT_UNAUTHENTICATED", "caller", known.join("; ") || "no evidence");
    caller = known;
    if (service.admit && !service.admit(caller)) {
      throw new CertError("ERR_CERT_RATE_LIMITED", "caller", "asks too often");
    }
    const wanted = request.metadata["ImpersonatedIdentity"];
    if (wanted) {
      const impersonated = service.mayImpersonate?.(caller, wanted);
      if (!impersonated)
        throw new CertError("ERR_CERT_UNAUTHENTICATED", "metadata", `${caller.id} may not impersonate`);
      caller = impersonated;
    }
    const ignored = otherNames(request.csr, caller.id);
    if (service.otherNames === "reject" && ignored.length > 0) {
      throw new CertError("ERR_CERT_CSR_POLICY", "csr", "it asks for names that are not the caller's");
    }
    const svid = await service.ca.signAsync(request.csr, caller.id, { ttlMs: request.validitySeconds * 1000 });
    const roots = service.ca.bundle().x509Authorities;
    return { kind: "issued", response: encodeCreateCertificateResponse(svid.chain, roots), svid, caller, ignored };
  } catch (error) {
    const known = error instanceof CertError;
    const code = known ? error.code : "ERR_CERT_SERVICE";
    const status = known ? statusOf(error.code) : "INTERNAL";
    // Outside, an authentication failure says nothing; the rest repeats what the caller sent anyway.
    const text =
      status === "UNAUTHENTICATED"
        ? "request authenticate failure"
        : known
          ? `${error.problem} (${code})`
          : "internal error";
    return { kind: "refused", status, text, code, detail: known ? error.message : "unexpected error", caller };
  }
}
