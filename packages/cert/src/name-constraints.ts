import type { Certificate } from "./certificate.js";
import type { GeneralName } from "./general-name.js";

/** The host of a URI as RFC 3986 writes it, lower case; `undefined` if there is none, or it is an IP address. */
function uriHost(uri: string): string | undefined {
  const authority = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)/.exec(uri)?.[1];
  if (authority === undefined) return undefined;
  const host = authority
    .slice(authority.lastIndexOf("@") + 1)
    .replace(/:\d*$/, "")
    .toLowerCase();
  // Constraints are on host names: RFC 5280 has an IP address fail whenever there is one.
  return host === "" || host.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(host) ? undefined : host;
}

/** A leading dot asks for a subdomain; without one URI constraints mean exactly that host. */
function hostInSubtree(host: string, subtree: string): boolean {
  const wanted = subtree.toLowerCase();
  return wanted.startsWith(".") ? host.endsWith(wanted) && host.length > wanted.length : host === wanted;
}

function dnsInSubtree(name: string, subtree: string): boolean {
  const [host, wanted] = [name.toLowerCase(), subtree.toLowerCase()];
  if (wanted === "") return true;
  return wanted.startsWith(".") ? host.endsWith(wanted) : host === wanted || host.endsWith(`.${wanted}`);
}

function emailInSubtree(email: string, subtree: string): boolean {
  const at = email.lastIndexOf("@");
  if (subtree.includes("@")) {
    const wanted = subtree.lastIndexOf("@");
    return (
      email.slice(0, at) === subtree.slice(0, wanted) &&
      email.slice(at).toLowerCase() === subtree.slice(wanted).toLowerCase()
    );
  }
  return hostInSubtree(email.slice(at + 1).toLowerCase(), subtree);
}

function ipInSubtree(ip: Uint8Array, subtree: Uint8Array): boolean {
  if (subtree.length !== ip.length * 2) return false;
  return ip.every((byte, i) => {
    const mask = subtree[ip.length + i] ?? 0;
    return (byte & mask) === ((subtree[i] ?? 0) & mask);
  });
}

function inSubtree(name: GeneralName, subtree: GeneralName): boolean {
  if (name.kind === "uri" && subtree.kind === "uri") {
    const host = uriHost(name.value);
    return host !== undefined && hostInSubtree(host, subtree.value);
  }
  if (name.kind === "dns" && subtree.kind === "dns") return dnsInSubtree(name.value, subtree.value);
  if (name.kind === "email" && subtree.kind === "email") return emailInSubtree(name.value, subtree.value);
  if (name.kind === "ip" && subtree.kind === "ip") return ipInSubtree(name.value, subtree.value);
  return false;
}

/**
 * Finds the first name of `below` that the constraints of `issuer` do not allow.
 *
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.10
 */
export function constrainedName(issuer: Certificate, below: Certificate): GeneralName | undefined {
  const constraints = issuer.nameConstraints;
  if (!constraints) return undefined;
  return below.names.find((name) => {
    const sameKind = (subtree: GeneralName): boolean => subtree.kind === name.kind;
    const permitted = constraints.permitted.filter(sameKind);
    const excluded = constraints.excluded.filter(sameKind);
    // A URI without a host cannot be shown to lie outside an excluded tree either.
    if (name.kind === "uri" && permitted.length + excluded.length > 0 && uriHost(name.value) === undefined) return true;
    if (excluded.some((subtree) => inSubtree(name, subtree))) return true;
    return permitted.length > 0 && !permitted.some((subtree) => inSubtree(name, subtree));
  });
}
