/** Identities: issuing against @peculiar/x509, validating tokens against jose. */
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { monitorEventLoopDelay } from "node:perf_hooks";
import * as x509 from "@peculiar/x509";
import {
  createCa,
  createCsr,
  generateKey,
  jwtSigner,
  type KeyAlgorithm,
  SpiffeId,
  TrustDomain,
  trustBundle,
  verifyJwtSvid,
  verifySvid,
} from "@weftmesh/cert";
import { createLocalJWKSet, jwtVerify } from "jose";
import type { MeasurementVariant, OperationVariant, Row } from "./row.js";

const web = SpiffeId.parse("spiffe://td.test/ns/shop/sa/web");
const td = TrustDomain.parse("td.test");
const HOUR = 3_600_000;

function ours(keyAlgorithm: KeyAlgorithm): OperationVariant {
  return {
    name: "@weftmesh/cert",
    prepare() {
      const ca = createCa({ trustDomain: "td.test", keyAlgorithm });
      const { pem } = createCsr({ keyAlgorithm });
      return () => ca.sign(pem, web).chainPem;
    },
  };
}

/** The signing algorithm as WebCrypto names it. */
function algorithmOf(
  key: KeyAlgorithm,
): webcrypto.RsaHashedKeyGenParams | (webcrypto.EcKeyGenParams & webcrypto.EcdsaParams) {
  return key === "P-256"
    ? { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }
    : { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", publicExponent: Uint8Array.of(1, 0, 1), modulusLength: 2048 };
}

/** The same with @peculiar/x509: read, check the signature, issue, read back and check, write. */
async function peculiarCa(key: KeyAlgorithm): Promise<() => Promise<string>> {
  x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);
  const algorithm = algorithmOf(key);
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  const { pem } = createCsr({ keyAlgorithm: key });
  const notBefore = new Date(Date.now() - 120_000);
  const notAfter = new Date(Date.now() + 24 * HOUR);
  return async () => {
    const request = new x509.Pkcs10CertificateRequest(pem);
    if (!(await request.verify())) throw new Error("the request does not verify");
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: Buffer.from(webcrypto.getRandomValues(new Uint8Array(16))).toString("hex"),
      issuer: "O=td.test",
      notBefore,
      notAfter,
      signingKey: keys.privateKey,
      publicKey: await request.publicKey.export(),
      signingAlgorithm: algorithm,
      extensions: [
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.SubjectAlternativeNameExtension([{ type: "url", value: web }], true),
        await x509.SubjectKeyIdentifierExtension.create(request.publicKey),
      ],
    });
    const read = new x509.X509Certificate(certificate.rawData);
    if (!(await read.verify({ publicKey: keys.publicKey, signatureOnly: true }))) throw new Error("issued badly");
    return read.toString("pem");
  };
}

const peculiar = (key: KeyAlgorithm): OperationVariant => ({ name: "@peculiar/x509", prepare: () => peculiarCa(key) });

const IN_FLIGHT = 32;

/** Requests a second with 32 of them under way. */
function inFlight(name: string, make: () => Promise<() => Promise<unknown>>, each: number): MeasurementVariant {
  return {
    name,
    async prepare() {
      const issue = await make();
      const burst = async (count: number): Promise<void> => {
        let left = count;
        const worker = async (): Promise<void> => {
          while (left-- > 0) await issue();
        };
        await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
      };
      await burst(each / 4);
      return {
        async measure() {
          const start = process.hrtime.bigint();
          await burst(each);
          return each / (Number(process.hrtime.bigint() - start) / 1e9);
        },
      };
    },
  };
}

async function oursAsync(): Promise<() => Promise<unknown>> {
  const ca = createCa({ trustDomain: "td.test" });
  const { pem } = createCsr();
  return () => ca.signAsync(pem, web);
}

const chainOfThree: OperationVariant = {
  name: "@weftmesh/cert",
  prepare() {
    const ca = createCa({ trustDomain: "td.test" });
    const svid = ca.sign(createCsr().der, web);
    const chain = svid.chain.map((certificate) => certificate.der);
    const bundles = new Map([[td, trustBundle(td, ca.bundle().x509Authorities)]]);
    const now = Date.now();
    return () => {
      const verdict = verifySvid(chain, bundles, now);
      if (verdict.kind !== "verified") throw verdict.error;
    };
  },
};

const peculiarChain: OperationVariant = {
  name: "@peculiar/x509",
  prepare() {
    x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);
    const ca = createCa({ trustDomain: "td.test" });
    const [leaf] = ca.sign(createCsr().der, web).chain;
    const root = new x509.X509Certificate(Buffer.from(ca.issuer.der));
    const der = Buffer.from(leaf?.der ?? new Uint8Array());
    return async () => {
      const chain = await new x509.X509ChainBuilder({ certificates: [root] }).build(new x509.X509Certificate(der));
      if (chain.length !== 2) throw new Error("no chain");
    };
  },
};

function tokenParts() {
  const signer = jwtSigner({ trustDomain: td, ttlMs: 10 * HOUR });
  return { signer, token: signer.sign(web, ["svc"]) };
}

const oursToken: OperationVariant = {
  name: "@weftmesh/cert",
  prepare() {
    const { signer, token } = tokenParts();
    const bundles = new Map([[td, { ...trustBundle(td, []), jwtAuthorities: [signer.authority] }]]);
    return () => {
      const verdict = verifyJwtSvid(token, bundles, { audience: ["svc"] }, Date.now());
      if (verdict.kind !== "verified") throw verdict.error;
    };
  },
};

const joseToken: OperationVariant = {
  name: "jose",
  prepare() {
    const { signer, token } = tokenParts();
    const { keyId, jwk } = signer.authority;
    // jose refuses keys whose use is jwt-svid, so it is left out.
    const keys = createLocalJWKSet({ keys: [{ ...jwk, kty: "EC", kid: keyId }] });
    return () => jwtVerify(token, keys, { audience: "svc" });
  },
};

/** How long the event loop stands still, 99th percentile, under a burst of 2,000 requests. */
const loopDelay: MeasurementVariant = {
  name: "@weftmesh/cert",
  async prepare() {
    const issue = await oursAsync();
    return {
      async measure() {
        const histogram = monitorEventLoopDelay({ resolution: 1 });
        histogram.enable();
        let left = 2000;
        const worker = async (): Promise<void> => {
          while (left-- > 0) await issue();
        };
        await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
        histogram.disable();
        return histogram.percentile(99) / 1e6;
      },
    };
  },
};

/** A timer that waits for the same time, with nothing to do. */
const idleLoop: MeasurementVariant = {
  name: "an idle loop, 50 ms allowed",
  prepare: () => ({ measure: () => 50 }),
};

const keyAndRequest: OperationVariant = { name: "@weftmesh/cert", prepare: () => () => createCsr().pem };
const keyAlone: OperationVariant = { name: "the key alone", prepare: () => () => generateKey().exportPem() };

/** The rows of the identity package. */
export const rows: readonly Row[] = [
  {
    kind: "operation",
    name: "cert: request to certificate, checked, EC, one at a time",
    ours: ours("P-256"),
    against: [{ ...peculiar("P-256"), bar: { kind: "ratio", max: 1 / 6 } }],
    awaited: true,
  },
  {
    kind: "measurement",
    name: "cert: request to certificate, checked, EC, 32 in flight",
    unit: "certificates/s",
    better: "higher",
    ours: inFlight("@weftmesh/cert", oursAsync, 2000),
    against: [{ ...inFlight("@peculiar/x509", () => peculiarCa("P-256"), 200), bar: { kind: "ratio", max: 1 / 12 } }],
  },
  {
    kind: "operation",
    name: "cert: request to certificate, checked, RSA, one at a time",
    ours: ours("RSA-2048"),
    against: [{ ...peculiar("RSA-2048"), bar: { kind: "ratio", max: 1 / 5 } }],
    awaited: true,
  },
  {
    kind: "operation",
    name: "cert: verify a chain, EC",
    ours: chainOfThree,
    against: [{ ...peculiarChain, bar: { kind: "ratio", max: 1 / 3 } }],
    awaited: true,
  },
  {
    kind: "operation",
    name: "cert: validate a token, ES256",
    ours: oursToken,
    against: [{ ...joseToken, bar: { kind: "ratio", max: 1 } }],
    awaited: true,
  },
  {
    kind: "measurement",
    name: "cert: event loop delay, p99, under 2,000 requests",
    unit: "ms",
    better: "lower",
    ours: loopDelay,
    against: [{ ...idleLoop, bar: { kind: "ratio", max: 1 } }],
  },
  {
    kind: "operation",
    name: "cert: key and request, EC",
    ours: keyAndRequest,
    against: [{ ...keyAlone, bar: { kind: "ratio", max: 4 } }],
  },
];
