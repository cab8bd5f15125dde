import type { Authenticator } from "./authenticator.js";
import { CertError } from "./errors.js";
import { addressBytes } from "./ip-address.js";
import { SpiffeId, type TrustDomain } from "./spiffe-id.js";

/** A network, as the bytes of its address and the number of bits that count. */
interface Network {
  readonly bytes: readonly number[];
  readonly bits: number;
}

function parseNetwork(text: string): Network {
  const [address = "", length, more] = text.split("/");
  const bytes = addressBytes(address);
  const bits = length === undefined ? (bytes?.length ?? 0) * 8 : Number(length);
  if (!bytes || more !== undefined || !/^\d{1,3}$/.test(length ?? "0") || bits > bytes.length * 8) {
    throw new CertError("ERR_CERT_OPTION", "trusted_networks", `${text} is no network`);
  }
  return { bytes, bits };
}

function contains(network: Network, address: readonly number[]): boolean {
  if (network.bytes.length !== address.length) return false;
  return address.every((byte, i) => {
    const counted = Math.min(8, Math.max(0, network.bits - i * 8));
    const mask = (0xff << (8 - counted)) & 0xff;
    return (byte & mask) === ((network.bytes[i] ?? 0) & mask);
  });
}

/** The first URI of the last element, which the nearest proxy wrote; quotes and escapes as Envoy writes them. */
export function forwardedUri(header: string): string | undefined {
  const elements: string[][] = [[]];
  let item = "";
  let quoted = false;
  for (let i = 0; i <= header.length; i++) {
    const char = header.charAt(i);
    if (quoted && char === "\\") item += header.charAt(++i);
    else if (char === '"') quoted = !quoted;
    else if (!quoted && (char === ";" || char === "," || char === "")) {
      elements.at(-1)?.push(item);
      item = "";
      if (char === ",") elements.push([]);
    } else item += char;
  }
  if (quoted) return undefined;
  const uri = elements.at(-1)?.find((pair) => /^\s*uri=/i.test(pair));
  return uri?.slice(uri.indexOf("=") + 1);
}

/**
 * Knows a caller by `x-forwarded-client-cert`, from proxies in these networks only. Nobody is trusted by default, the
 * same machine included: whoever can connect could write the header.
 *
 * @param trustedNetworks - Such as `10.0.0.0/8` or `::1`.
 * @throws `CertError` `ERR_CERT_OPTION` for a network that is none.
 */
export function forwardedCaller(trustedNetworks: readonly string[], trustDomain: TrustDomain): Authenticator {
  const networks = trustedNetworks.map(parseNetwork);
  return {
    name: "xfcc",
    async authenticate(evidence, note) {
      const header = evidence.header("x-forwarded-client-cert");
      if (header === undefined) return undefined;
      const address = addressBytes(evidence.remoteAddress ?? "");
      if (!address || !networks.some((network) => contains(network, address))) {
        note("the proxy is in no trusted network");
        return undefined;
      }
      const uri = forwardedUri(header);
      if (uri !== undefined && SpiffeId.is(uri) && SpiffeId.memberOf(uri, trustDomain)) return { id: uri, by: "xfcc" };
      note("the header names no identity of the trust domain");
      return undefined;
    },
  };
}
