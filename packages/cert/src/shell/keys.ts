import type { PrivateKey } from "../private-key.js";
import type { KeyAlgorithm } from "../public-key.js";
/** Makes a new key. RSA takes long and blocks. Default: `P-256`. */
export declare function generateKey(algorithm?: KeyAlgorithm): PrivateKey;
/** Reads a private key: PKCS#8, PKCS#1 or SEC1; PEM or PKCS#8 DER. */
export declare function importKey(key: string | Uint8Array): PrivateKey;
