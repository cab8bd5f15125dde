import type { Cache } from "../cache.js";
import type { NodeIdentity } from "../node.js";
import { type SecretSupply, secretCache } from "../secret-cache.js";
import { digest } from "./digest.js";
import { resourceEncoder } from "./resource-encoder.js";

/**
 * A cache that serves the secrets of a source, for example `secretSource` of `@weftmesh/cert`, by SDS. Put it beside other
 * caches with {@link muxCache}.
 *
 * A client gets a secret only if `allow` says so: there is no default that gives keys away. To a client that may not have
 * it a secret does not exist. What a node says about itself is not proof; check it against the caller's certificate in
 * {@link ServerOptions.authorize}.
 *
 * @param allow - Whether a client may have a secret. Called often: it must be quick and always answer the same.
 */
export function createSecretCache(
  supply: SecretSupply,
  { allow }: { readonly allow: (node: NodeIdentity, name: string) => boolean },
): Cache {
  return secretCache(supply, { allow, encode: resourceEncoder(), digest });
}
