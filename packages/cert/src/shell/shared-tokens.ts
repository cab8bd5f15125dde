import type { Authenticator } from "../authenticator.js";
import type { SpiffeId } from "../spiffe-id.js";
/** Knows callers by a bearer token each, compared in constant time: for tests, edges and bootstrapping. */
export declare function sharedTokens(tokens: ReadonlyMap<string, SpiffeId>): Authenticator;
