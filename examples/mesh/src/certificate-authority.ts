/** The certificate authority: Istio's certificate service over TLS, with a root roll that is steered from outside. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import {
  type Ca,
  type CaSnapshot,
  type CaStore,
  type Certificate,
  createCa,
  formatPem,
  type RollStatus,
  rotate,
  SpiffeId,
} from "@weftmesh/cert";
import { caServer, sharedTokens } from "@weftmesh/cert/services";
import { adminServer } from "./admin.js";
import { endWithParent, fail, ready } from "./child.js";
import { CONTROL, TRUST_DOMAIN } from "./layout.js";

const { values } = parseArgs({
  options: {
    tokens: { type: "string", default: "" },
    roots: { type: "string", default: "" },
    state: { type: "string", default: "" },
  },
});

/** What the authority tells on `GET /`. */
export interface AuthorityStatus {
  readonly roll: RollStatus;
  /** The serial numbers of the roots that are distributed, in hexadecimal. */
  readonly roots: readonly string[];
  /** How many leaves were issued. */
  readonly issued: number;
}

/** How long a leaf lives when nobody has said otherwise. */
const LEAF_SECONDS = 3600;

async function main(): Promise<void> {
  const ca = createCa({ trustDomain: TRUST_DOMAIN, store: fileStore(values.state) });
  let leafSeconds = LEAF_SECONDS;
  let issued = 0;

  // Whoever joins later must find the roots of now, so the file follows the bundle.
  const writeRoots = (): void => {
    const pem = ca.bundle().x509Authorities.map(({ der }) => formatPem("CERTIFICATE", der));
    replaceFile(values.roots, pem.join(""), 0o644);
  };
  ca.watch(writeRoots);
  writeRoots();

  const own = rotate(ca.issuerFor(SpiffeId.parse(`spiffe://${TRUST_DOMAIN}/ns/mesh/sa/authority`)));
  const tokens = JSON.parse(readFileSync(values.tokens, "utf8")) as Record<string, string>;
  await caServer({
    ca: withLifetime(ca, () => leafSeconds * 1000),
    authenticators: [
      sharedTokens(new Map(Object.entries(tokens).map(([token, id]) => [token, SpiffeId.parse(id, "tokens")]))),
    ],
    source: own,
    port: CONTROL.ca,
    onAnswer: ({ kind }) => {
      if (kind === "issued") issued++;
    },
  });

  const status = (): AuthorityStatus => ({
    roll: ca.roll.status(),
    roots: ca.bundle().x509Authorities.map(serialOf),
    issued,
  });
  await adminServer(CONTROL.caAdmin, {
    "/": status,
    "/leaf-seconds": ({ seconds }) => {
      leafSeconds = seconds === undefined ? LEAF_SECONDS : Number(seconds);
    },
    "/roll/prepare": () => ca.roll.prepare(),
    "/roll/activate": async () => {
      const status = ca.roll.activate({ force: true });
      // Whoever joins after the old root is gone must be able to verify the authority itself.
      await own.renew();
      return status;
    },
    "/roll/retire": () => ca.roll.retire({ force: true }),
  });
  endWithParent(() => {});
  ready();
}

/** Keeps the authority over a restart: a new root would be trusted by nobody. */
function fileStore(file: string): CaStore {
  return {
    load: () => (existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as CaSnapshot) : undefined),
    save: (snapshot) => replaceFile(file, JSON.stringify(snapshot), 0o600),
  };
}

/** Writes a file so that a reader finds the old or the new one, never a part. */
function replaceFile(file: string, text: string, mode: number): void {
  writeFileSync(`${file}.new`, text, { mode });
  renameSync(`${file}.new`, file);
}

/** The same authority, with another lifetime for those who ask for none. */
function withLifetime(ca: Ca, ttlMs: () => number): Ca {
  const signAsync: Ca["signAsync"] = (csr, id, { ttlMs: asked = 0, ...rest } = {}) =>
    ca.signAsync(csr, id, { ...rest, ttlMs: asked > 0 ? asked : ttlMs() });
  return new Proxy(ca, {
    get: (_, key) => {
      if (key === "signAsync") return signAsync;
      const value: unknown = Reflect.get(ca, key, ca);
      return typeof value === "function" ? value.bind(ca) : value;
    },
  });
}

function serialOf({ serial }: Certificate): string {
  return Buffer.from(serial).toString("hex");
}

main().catch(fail);
