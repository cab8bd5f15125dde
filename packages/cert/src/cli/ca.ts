import { existsSync } from "node:fs";
import { formatBundle } from "../bundle-json.js";
import type { Ca } from "../ca.js";
import { parseCertificates } from "../certificate.js";
import { formatPem } from "../pem.js";
import type { KeyAlgorithm } from "../public-key.js";
import { createCa } from "../shell/ca.js";
import { createCsr } from "../shell/csr.js";
import { fileCaStore, writeWhole } from "../shell/files.js";
import { SpiffeId } from "../spiffe-id.js";
import { input } from "./inspect.js";
import { argument, type Command, type Flags, json, option, required, secondsToMs, UsageError } from "./output.js";

const ALGORITHMS: readonly string[] = ["P-256", "P-384", "P-521", "Ed25519", "RSA-2048", "RSA-3072", "RSA-4096"];

function algorithmOf(flags: Flags): { readonly keyAlgorithm?: KeyAlgorithm } {
  const name = option(flags, "key-algorithm");
  if (name === undefined) return {};
  if (!ALGORITHMS.includes(name)) throw new UsageError(`--key-algorithm ${name}: expected ${ALGORITHMS.join(", ")}`);
  return { keyAlgorithm: name as KeyAlgorithm };
}

/** A CA that `ca init` made; its root says which trust domain it is of. */
function open(path: string): Ca {
  const store = fileCaStore(path);
  const snapshot = existsSync(path) ? store.load() : undefined;
  if (!snapshot) throw new UsageError(`${path}: there is no CA; make one with ca init`);
  const [root] = parseCertificates(snapshot.signer.rootCert, path);
  const uri = root?.names.find((name) => name.kind === "uri");
  const trustDomain = SpiffeId.trustDomain(SpiffeId.parse(uri?.kind === "uri" ? uri.value : "", path));
  return createCa({ trustDomain, store });
}

const rootsPem = (ca: Ca): string =>
  ca
    .bundle()
    .x509Authorities.map((root) => formatPem("CERTIFICATE", root.der))
    .join("");

const init: Command = (flags, output) => {
  const path = argument(flags, 1, "FILE");
  if (existsSync(path)) throw new UsageError(`${path} exists; a CA is never overwritten`);
  const rootTtlMs = secondsToMs(flags, "root-ttl");
  const ca = createCa({
    trustDomain: required(flags, "trust-domain"),
    store: fileCaStore(path),
    ...algorithmOf(flags),
    ...(rootTtlMs === undefined ? {} : { rootTtlMs }),
  });
  output.stdout(rootsPem(ca));
  return 0;
};

const sign: Command = (flags, output) => {
  const ca = open(argument(flags, 1, "FILE"));
  const ttlMs = secondsToMs(flags, "ttl");
  const id = SpiffeId.parse(required(flags, "id"), "--id");
  const svid = ca.sign(input(argument(flags, 2, "CSR")), id, ttlMs === undefined ? {} : { ttlMs });
  output.stdout(svid.chainPem);
  return 0;
};

const roll: Command = (flags, output) => {
  const ca = open(argument(flags, 1, "FILE"));
  const step = flags.positionals[2] ?? "status";
  const how = { force: flags.values["force"] === true };
  if (step === "status") output.stdout(json(ca.roll.status()));
  else if (step === "prepare" || step === "activate" || step === "retire") {
    const dry = flags.values["dry-run"] === true;
    output.stdout(json(dry ? ca.roll.preview(step, how) : step === "prepare" ? ca.roll.prepare() : ca.roll[step](how)));
  } else throw new UsageError(`${step}: expected status, prepare, activate or retire`);
  return 0;
};

const bundle: Command = (flags, output) => {
  const ca = open(argument(flags, 1, "FILE"));
  output.stdout(flags.values["json"] ? `${formatBundle(ca.bundle())}\n` : rootsPem(ca));
  return 0;
};

const commands: Readonly<Record<string, Command>> = { init, sign, roll, bundle };

/** `ca init|sign|roll|bundle FILE`. */
export const caCommand: Command = (flags, output) => {
  const name = argument(flags, 0, "init, sign, roll or bundle");
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) throw new UsageError(`ca ${name}: expected init, sign, roll or bundle`);
  return command(flags, output);
};

/** `csr`: a new key and a request for it. */
export const csrCommand: Command = (flags, output) => {
  const keyOut = required(flags, "key-out");
  if (existsSync(keyOut)) throw new UsageError(`${keyOut} exists; a key is never overwritten`);
  const id = option(flags, "id");
  const csr = createCsr({ ...(id === undefined ? {} : { id: SpiffeId.parse(id, "--id") }), ...algorithmOf(flags) });
  writeWhole(keyOut, csr.key.exportPem());
  output.stdout(csr.pem);
  return 0;
};
