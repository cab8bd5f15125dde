import { generateKeyPairSync, sign } from "node:crypto";
import { ChannelCredentials, Client, Metadata, status } from "@grpc/grpc-js";
import {
  bundleSet,
  createCa,
  createCsr,
  parseCertificates,
  rotate,
  SpiffeId,
  TrustDomain,
  trustBundle,
  verifySvid,
} from "@weftmesh/cert";
import {
  auditLog,
  type CallerEvidence,
  caClient,
  caServer,
  clientCertificate,
  forwardedCaller,
  type IssuanceRecord,
  jwtCaller,
  rateLimiter,
  serviceAccountId,
  sharedTokens,
  tokenReviewCaller,
} from "@weftmesh/cert/services";
import protobuf from "protobufjs";
import { afterEach, describe, expect, test } from "vitest";

const web = SpiffeId.parse("spiffe://td.test/ns/shop/sa/web");
const td = TrustDomain.parse("td.test");
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanUps.splice(0).reverse()) await one();
});

/** Written from istio's proto, with another library than ours. */
const proto = protobuf.parse(`
  syntax = "proto3";
  package istio.v1.auth;
  message Value { oneof kind { string string_value = 3; } }
  message Struct { map<string, Value> fields = 1; }
  message IstioCertificateRequest { string csr = 1; int64 validity_duration = 3; Struct metadata = 4; }
  message IstioCertificateResponse { repeated string cert_chain = 1; }
`).root;
const Request = proto.lookupType("istio.v1.auth.IstioCertificateRequest");
const Response = proto.lookupType("istio.v1.auth.IstioCertificateResponse");

async function service(options: Partial<Parameters<typeof caServer>[0]> = {}) {
  const ca = createCa({ trustDomain: "td.test" });
  const server = await caServer({
    ca,
    insecure: true,
    authenticators: [sharedTokens(new Map([["s3cret", web]]))],
    ...options,
  });
  const client = new Client(server.address, ChannelCredentials.createInsecure());
  cleanUps.push(
    () => server.close(),
    () => client.close(),
  );
  const call = (message: object, authorization = "Bearer s3cret") =>
    new Promise<{ code: number; details: string; chain: string[] }>((resolve) => {
      const metadata = new Metadata();
      if (authorization !== "") metadata.set("authorization", authorization);
      client.makeUnaryRequest(
        "/istio.v1.auth.IstioCertificateService/CreateCertificate",
        (value: object) => Buffer.from(Request.encode(Request.fromObject(value)).finish()),
        (bytes: Buffer) => (Response.decode(bytes).toJSON() as { certChain: string[] }).certChain,
        message,
        metadata,
        (error, chain) => resolve({ code: error?.code ?? 0, details: error?.details ?? "", chain: chain ?? [] }),
      );
    });
  return { ca, server, call };
}

describe("Istio's certificate service", () => {
  test("answers an independent client: the leaf first, the roots last", async () => {
    const { ca, call } = await service();
    const { code, chain } = await call({ csr: createCsr().pem, validityDuration: 3600 });
    expect(code).toBe(status.OK);
    expect(chain.length).toBe(2);
    const [leaf = "", roots = ""] = chain;
    expect(leaf.endsWith("-----END CERTIFICATE-----\n")).toBe(true);
    const bundles = bundleSet(trustBundle(ca.trustDomain, parseCertificates(roots)));
    expect(verifySvid(leaf, bundles, Date.now())).toMatchObject({ kind: "verified", id: web });
  });

  test.each([
    { name: "no token", message: () => ({ csr: createCsr().pem }), authorization: "", code: status.UNAUTHENTICATED },
    {
      name: "a wrong token",
      message: () => ({ csr: createCsr().pem }),
      authorization: "Bearer wrong",
      code: status.UNAUTHENTICATED,
    },
    {
      name: "somebody else's identity",
      message: () => ({
        csr: createCsr().pem,
        metadata: { fields: { ImpersonatedIdentity: { stringValue: "spiffe://td.test/x" } } },
      }),
      code: status.UNAUTHENTICATED,
    },
    { name: "no request", message: () => ({ csr: "" }), code: status.INVALID_ARGUMENT },
    {
      name: "a lifetime above the maximum",
      message: () => ({ csr: createCsr().pem, validityDuration: 91 * 86_400 }),
      code: status.INVALID_ARGUMENT,
    },
  ])("refuses $name", async ({ message, authorization, code }) => {
    const { call } = await service();
    const answer = await call(message(), authorization ?? "Bearer s3cret");
    expect(answer.code).toBe(code);
    expect(answer.details).not.toContain("s3cret");
  });

  test("says nothing to those it does not know, and everything to its log, but no token", async () => {
    const records: IssuanceRecord[] = [];
    const { call } = await service({ onAnswer: auditLog((record) => records.push(record)) });
    const answer = await call({ csr: createCsr().pem }, "Bearer wr0ng");
    expect(answer.details).toBe("request authenticate failure");
    expect(records).toMatchObject([{ kind: "refused", code: "ERR_CERT_UNAUTHENTICATED" }]);
    expect(JSON.stringify(records)).not.toContain("wr0ng");
  });

  test("certifies another identity only for whom the callback says so", async () => {
    const pod = SpiffeId.parse("spiffe://td.test/ns/shop/sa/pod");
    const { call } = await service({
      mayImpersonate: (caller, wanted) =>
        wanted === pod ? { id: pod, by: `${caller.by} for ${caller.id}` } : undefined,
    });
    const asked = (id: string) => ({
      csr: createCsr().pem,
      metadata: { fields: { ImpersonatedIdentity: { stringValue: id } } },
    });
    const { chain } = await call(asked(pod));
    expect(parseCertificates(chain[0] ?? "")[0]?.names).toEqual([{ kind: "uri", value: pod }]);
    expect((await call(asked(`${pod}-2`))).code).toBe(status.UNAUTHENTICATED);
  });

  test("notes a key that comes under a second identity", async () => {
    const records: IssuanceRecord[] = [];
    const tokens = new Map([
      ["a", web],
      ["b", SpiffeId.parse("spiffe://td.test/b")],
    ]);
    const { call } = await service({
      authenticators: [sharedTokens(tokens)],
      onAnswer: auditLog((record) => records.push(record)),
    });
    const { pem } = createCsr();
    await call({ csr: pem }, "Bearer a");
    await call({ csr: pem }, "Bearer b");
    expect(records[1]).toMatchObject({ kind: "issued", id: "spiffe://td.test/b", keySeenFor: web });
  });

  test("limits how often a caller may ask", async () => {
    const refusals: string[] = [];
    const { call } = await service({
      admit: rateLimiter({ burst: 2, perSecond: 0.001 }, { now: () => 0 }),
      onAnswer: (answer) => refusals.push(answer.kind === "refused" ? answer.code : "issued"),
    });
    const { pem } = createCsr();
    const codes = [];
    for (let i = 0; i < 3; i++) codes.push((await call({ csr: pem })).code);
    expect(codes).toEqual([status.OK, status.OK, status.RESOURCE_EXHAUSTED]);
    expect(refusals).toEqual(["issued", "issued", "ERR_CERT_RATE_LIMITED"]);
  });

  test("renews by the certificate alone, under the same identity", async () => {
    const ca = createCa({ trustDomain: "td.test" });
    const own = rotate(ca.issuerFor(SpiffeId.parse("spiffe://td.test/ca")));
    const workload = rotate(ca.issuerFor(web));
    await Promise.all([own.ready(), workload.ready()]);
    const server = await caServer({ ca, source: own, authenticators: [clientCertificate()] });
    const bundles = new Map([[td, ca.bundle()]]);
    const client = caClient({ address: server.address, bundles, identity: () => workload.current() });
    const anonymous = caClient({ address: server.address, bundles, attempts: 1 });
    cleanUps.push(
      () => own[Symbol.dispose](),
      () => workload[Symbol.dispose](),
      () => server.close(),
      () => client.close(),
      () => anonymous.close(),
    );
    const { chain } = await client.issue(createCsr().der);
    expect(verifySvid(chain, bundles, Date.now())).toMatchObject({ id: web });
    await expect(anonymous.issue(createCsr().der)).rejects.toMatchObject({ code: "ERR_CERT_SERVICE" });
  });

  test("a client does not talk to a server of an unknown domain", async () => {
    const [ca, other] = [createCa({ trustDomain: "td.test" }), createCa({ trustDomain: "td.test" })];
    const own = rotate(other.issuerFor(SpiffeId.parse("spiffe://td.test/ca")));
    await own.ready();
    const server = await caServer({
      ca: other,
      source: own,
      authenticators: [sharedTokens(new Map([["s3cret", web]]))],
    });
    const client = caClient({
      address: server.address,
      bundles: new Map([[td, ca.bundle()]]),
      token: "s3cret",
      attempts: 1,
      timeoutMs: 1000,
    });
    cleanUps.push(
      () => own[Symbol.dispose](),
      () => server.close(),
      () => client.close(),
    );
    await expect(client.issue(createCsr().der)).rejects.toMatchObject({ code: "ERR_CERT_SERVICE" });
  });

  test("needs an identity or the word that it needs none", async () => {
    const ca = createCa({ trustDomain: "td.test" });
    await expect(caServer({ ca, authenticators: [] })).rejects.toMatchObject({ code: "ERR_CERT_OPTION" });
    expect(() => caClient({ address: "127.0.0.1:1" })).toThrow(expect.objectContaining({ code: "ERR_CERT_OPTION" }));
  });
});

describe("callers", () => {
  const notes: string[] = [];
  const note = (detail: string): unknown => notes.push(detail);
  const evidence = (headers: Record<string, string>, remoteAddress = "10.1.2.3"): CallerEvidence => ({
    header: (name) => headers[name],
    peer: undefined,
    remoteAddress,
  });

  test.each([
    { username: "system:serviceaccount:shop:web", expected: web },
    { username: "system:serviceaccount:shop", expected: undefined },
    { username: "system:serviceaccount:shop:web:more", expected: undefined },
    { username: "system:serviceaccount::web", expected: undefined },
    { username: "system:serviceaccount:shop:a,b", expected: undefined },
    { username: "system:node:shop:web", expected: undefined },
  ])("$username", ({ username, expected }) => {
    expect(serviceAccountId(username, td)).toBe(expected);
  });

  test.each([
    {
      name: "from a trusted network",
      headers: { "x-forwarded-client-cert": `Hash=x;Subject="a,b;c";URI=${web}` },
      address: "10.1.2.3",
      expected: web,
    },
    {
      name: "from the same network written as IPv6",
      headers: { "x-forwarded-client-cert": `URI=${web}` },
      address: "::ffff:10.1.2.3",
      expected: web,
    },
    {
      name: "of the nearest proxy",
      headers: { "x-forwarded-client-cert": `URI=spiffe://td.test/far,URI=${web}` },
      address: "10.1.2.3",
      expected: web,
    },
    {
      name: "from loopback, which is not trusted by itself",
      headers: { "x-forwarded-client-cert": `URI=${web}` },
      address: "127.0.0.1",
      expected: undefined,
    },
    {
      name: "of another domain",
      headers: { "x-forwarded-client-cert": "URI=spiffe://evil.test/a" },
      address: "10.1.2.3",
      expected: undefined,
    },
    {
      name: "with an open quote",
      headers: { "x-forwarded-client-cert": `Subject="x;URI=${web}` },
      address: "10.1.2.3",
      expected: undefined,
    },
    { name: "without header", headers: {}, address: "10.1.2.3", expected: undefined },
  ])("XFCC $name", async ({ headers, address, expected }) => {
    const caller = await forwardedCaller(["10.0.0.0/8", "fd00::/8"], td).authenticate(
      evidence(headers as Record<string, string>, address),
      note,
    );
    expect(caller?.id).toBe(expected);
  });

  test.each([
    {
      name: "is known",
      status: {
        authenticated: true,
        audiences: ["istio-ca"],
        user: { username: "system:serviceaccount:shop:web", groups: ["system:serviceaccounts"] },
      },
      expected: web,
    },
    {
      name: "for another audience is not",
      status: {
        authenticated: true,
        audiences: ["api"],
        user: { username: "system:serviceaccount:shop:web", groups: ["system:serviceaccounts"] },
      },
      expected: undefined,
    },
    {
      name: "of another group is not",
      status: {
        authenticated: true,
        audiences: ["istio-ca"],
        user: { username: "system:serviceaccount:shop:web", groups: [] },
      },
      expected: undefined,
    },
    { name: "that the API server refuses is not", status: { authenticated: false }, expected: undefined },
  ])("a reviewed token $name", async ({ status: reviewed, expected }) => {
    const caller = await tokenReviewCaller({ review: async () => reviewed, trustDomain: td }).authenticate(
      evidence({ authorization: "Bearer t" }),
      note,
    );
    expect(caller?.id).toBe(expected);
  });

  test.each([
    { name: "is known", claims: {}, expected: web },
    { name: "of another issuer is not", claims: { iss: "other" }, expected: undefined },
    { name: "for another audience is not", claims: { aud: "api" }, expected: undefined },
    { name: "without an end is not", claims: { exp: undefined }, expected: undefined },
    { name: "that is over is not", claims: { exp: 999 }, expected: undefined },
  ])("a signed token $name", async ({ claims, expected }) => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const signed = `${encode({ alg: "ES256", kid: "k" })}.${encode({ iss: "issuer", aud: "istio-ca", sub: "system:serviceaccount:shop:web", exp: 2000, ...claims })}`;
    const signature = sign("sha256", Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" }).toString(
      "base64url",
    );
    const keys = () => [{ keyId: "k", jwk: publicKey.export({ format: "jwk" }) as Record<string, string> }];
    const authenticator = jwtCaller({ issuer: "issuer", keys, trustDomain: td, clock: { now: () => 1_000_000 } });
    const caller = await authenticator.authenticate(evidence({ authorization: `Bearer ${signed}.${signature}` }), note);
    expect(caller?.id).toBe(expected);
  });
});
