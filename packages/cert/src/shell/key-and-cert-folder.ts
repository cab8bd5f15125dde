import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { CertError } from "../errors.js";
import type { KeyAndCert, KeyAndCertStore } from "../key-and-cert.js";
import { ISTIO_FILES, readKeyText, readText, writeFileSet } from "./files.js";

const SAFE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** Keeps secrets in files: a folder for each, named after the secret, with Citadel's file names, replaced as a set. */
export function folderStore(directory: string, secrets: readonly Pick<KeyAndCert, "name" | "id">[]): KeyAndCertStore {
  for (const { name } of secrets) {
    if (!SAFE_NAME.test(name)) throw new CertError("ERR_CERT_OPTION", "secrets", `${name} is no name for a folder`);
  }
  const folder = (name: string): string => join(directory, name);
  const found = (read: () => string): string => {
    try {
      return read();
    } catch (error) {
      // Not there, or not as it should be: it is made anew.
      if (error instanceof CertError) return "";
      throw error;
    }
  };
  return {
    list: async () =>
      secrets.map(({ name, id }) => ({
        name,
        id,
        certChain: found(() => readText(join(folder(name), ISTIO_FILES.chain))),
        key: found(() => readKeyText(join(folder(name), ISTIO_FILES.key))),
        rootCert: found(() => readText(join(folder(name), ISTIO_FILES.roots))),
      })),
    async put({ name, certChain, key, rootCert }) {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      writeFileSet(folder(name), {
        [ISTIO_FILES.key]: key,
        [ISTIO_FILES.chain]: certChain,
        [ISTIO_FILES.roots]: rootCert,
      });
    },
  };
}
