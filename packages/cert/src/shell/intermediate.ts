import type { IntermediateOptions } from "../ca.js";
import type { CaMaterial } from "../ca-material.js";
import { assembleSigned } from "../csr.js";
import { CertError } from "../errors.js";
import { formatPem } from "../pem.js";
import { caToBeSigned, distinguishedName } from "../profile.js";
import type { TrustDomain } from "../spiffe-id.js";
import { generateKey } from "./keys.js";
import { keyIdOf, newSerial, type Signer, toMaterial } from "./signer.js";

const wholeSeconds = (ms: number): number => Math.floor(ms / 1000) * 1000;

/** Makes a key and a CA below the signer that may issue leaves and nothing else, and only within the trust domain. */
export function newIntermediate(
  signer: Signer,
  trustDomain: TrustDomain,
  options: Required<Pick<IntermediateOptions, "ttlMs" | "keyAlgorithm">> & { readonly backdateMs: number },
  now: number,
): CaMaterial {
  const [issuer] = signer.issuers;
  if (now < issuer.notBefore || now > issuer.notAfter) {
    throw new CertError("ERR_CERT_CA_NOT_READY", "ca", "the certificate of the CA is not valid now");
  }
  if (issuer.pathLength === 0) {
    throw new CertError("ERR_CERT_PATH_LENGTH", "ca", "its path length allows no CA below it");
  }
  const key = generateKey(options.keyAlgorithm);
  const subjectKeyId = keyIdOf(key.publicKey);
  const short = Buffer.from(subjectKeyId.subarray(0, 4)).toString("hex");
  const tbs = caToBeSigned({
    serial: newSerial(),
    issuer: issuer.subject,
    subject: distinguishedName(trustDomain, `intermediate ${short}`),
    trustDomain,
    notBefore: wholeSeconds(now - options.backdateMs),
    notAfter: Math.min(wholeSeconds(now + options.ttlMs), issuer.notAfter),
    publicKey: key.publicKey,
    subjectKeyId,
    issuerKey: issuer.publicKey,
    authorityKeyId: issuer.subjectKeyId,
    pathLength: 0,
    permittedHost: trustDomain,
  });
  const caCert = formatPem("CERTIFICATE", assembleSigned(tbs, issuer.publicKey, signer.key.sign(tbs)));
  const above = toMaterial(signer);
  const isRoot = signer.roots.includes(issuer);
  return {
    caCert,
    caKey: key.exportPem(),
    certChain: isRoot ? "" : above.caCert + (above.certChain ?? ""),
    rootCert: above.rootCert,
  };
}
