import { decodeBase64, encodeBase64 } from "./base64.js";
import { KEY_AND_CERT_TYPE, type KeyAndCert, type KeyAndCertStore } from "./key-and-cert.js";
import { SpiffeId, type TrustDomain } from "./spiffe-id.js";

/** A store that lives as long as the process, with what is to be looked after in it. */
export function memoryStore(
  secrets: readonly Pick<KeyAndCert, "name" | "id">[],
): KeyAndCertStore & { get(name: string): KeyAndCert | undefined } {
  const held = new Map<string, KeyAndCert>(
    secrets.map(({ name, id }) => [name, { name, id, certChain: "", key: "", rootCert: "" }]),
  );
  return {
    list: async () => [...held.values()],
    put: async (secret) => void held.set(secret.name, secret),
    get: (name) => held.get(name),
  };
}

/** As much of a Kubernetes secret as is read and written; everything else in it is passed through. */
export interface KubernetesSecret {
  /** The type: `istio.io/key-and-cert`. */
  readonly type?: string;
  /** Name, namespace, and annotations, among them `istio.io/service-account.name`. */
  readonly metadata?: KubernetesMetadata;
  /** Files in base64. */
  readonly data?: Readonly<Record<string, string>>;
}

/** The metadata that names a secret. */
export interface KubernetesMetadata {
  /** Its name. */
  readonly name?: string;
  /** Its namespace. */
  readonly namespace?: string;
  /** Its annotations. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The two calls that are needed of whatever client there is. */
export interface KubernetesSecrets {
  /** All secrets of the type, as from `GET /api/v1/secrets?fieldSelector=type=istio.io/key-and-cert`. */
  list(): Promise<readonly KubernetesSecret[]>;
  /** Replaces one; its `metadata.resourceVersion` is still in it, so that nobody's change is lost. */
  replace(secret: KubernetesSecret): Promise<unknown>;
}

/** Citadel's annotation that says whom a secret is for. */
const SERVICE_ACCOUNT = "istio.io/service-account.name";
/** Citadel's names of the files in a secret. */
const FILES = { certChain: "cert-chain.pem", key: "key.pem", rootCert: "root-cert.pem" } as const;

function textOf(secret: KubernetesSecret, file: string): string {
  const bytes = decodeBase64(secret.data?.[file] ?? "");
  // What is no base64 is as if it were not there: it is then made anew.
  return bytes === undefined ? "" : new TextDecoder().decode(bytes);
}

/** Keeps secrets as Citadel did in Kubernetes, by any client. Secrets without the annotation are left alone. */
export function kubernetesStore(api: KubernetesSecrets, trustDomain: TrustDomain): KeyAndCertStore {
  const originals = new Map<string, KubernetesSecret>();
  return {
    async list() {
      originals.clear();
      return (await api.list()).flatMap((secret): readonly KeyAndCert[] => {
        const { name, namespace, annotations } = secret.metadata ?? {};
        const account = annotations?.[SERVICE_ACCOUNT];
        if (secret.type !== KEY_AND_CERT_TYPE || !name || !namespace || !account) return [];
        const id = `spiffe://${trustDomain}/ns/${namespace}/sa/${account}`;
        if (!SpiffeId.is(id)) return [];
        const known = `${namespace}/${name}`;
        originals.set(known, secret);
        return [
          {
            name: known,
            id,
            certChain: textOf(secret, FILES.certChain),
            key: textOf(secret, FILES.key),
            rootCert: textOf(secret, FILES.rootCert),
          },
        ];
      });
    },
    async put({ name, certChain, key, rootCert }) {
      const original = originals.get(name);
      const encoder = new TextEncoder();
      const file = (text: string): string => encodeBase64(encoder.encode(text));
      const files = { [FILES.certChain]: file(certChain), [FILES.key]: file(key), [FILES.rootCert]: file(rootCert) };
      await api.replace({ ...original, data: { ...original?.data, ...files } });
    },
  };
}
