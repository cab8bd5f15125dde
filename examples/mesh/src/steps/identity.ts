import { readFileSync } from "node:fs";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import {
  bundleSet,
  createCa,
  type IdentitySource,
  matchAny,
  parseCertificates,
  rotate,
  SpiffeId,
  TrustDomain,
  tlsConnect,
  trustBundle,
} from "@weftmesh/cert";
import { pod, port, TRUST_DOMAIN } from "../layout.js";
import { load } from "../load.js";
import type { Mesh } from "../mesh.js";
import type { Step } from "../story.js";

const ATTEMPTS = 20;
const REQUEST = "GET /books/1/reviews HTTP/1.1\r\nhost: reviews\r\nconnection: close\r\n\r\n";

/** Who is not who they should be does not get in; who is, gets what is allowed. */
export const identity: Step = {
  number: 8,
  name: "identity",
  title: "nobody gets in without the right identity",
  expected: `plain text, no certificate, a wrong trust domain, a forged one: refused; right certificate but forbidden by RBAC: 403; ${ATTEMPTS} attempts each`,
  async run({ mesh, progress }) {
    await mesh.push();
    const at = port(pod("reviews-v1"), "inbound");
    const kinds: Readonly<Record<string, () => Promise<string>>> = {
      "plain text": () => plainText(at),
      "no certificate": () => noCertificate(at),
      "wrong trust domain": stranger(mesh, at, "intruder.example"),
      "forged certificate": stranger(mesh, at, TRUST_DOMAIN),
    };
    const answered: Record<string, number> = {};
    for (const [kind, attempt] of Object.entries(kinds)) {
      progress(kind);
      answered[kind] = 0;
      for (let i = 0; i < ATTEMPTS; i++) if ((await attempt()) !== "") answered[kind]++;
    }
    progress("forbidden by RBAC");
    const gateway = port(pod("gateway"), "outbound");
    const forbidden = await load({ port: gateway, service: "ratings", path: "/books/1/ratings", requests: ATTEMPTS });
    const denied = forbidden.all.filter(({ status }) => status === 403).length;
    const allowed = await load({ port: gateway, path: "/", requests: ATTEMPTS });
    const refused = Object.entries(answered).map(([kind, count]) => `${kind} ${ATTEMPTS - count} refused`);
    return {
      measured: `${refused.join(", ")}, forbidden ${denied} × 403; the allowed caller ${allowed.of("v1") + allowed.of("v2") + allowed.of("v3")} × 200`,
      requests: ATTEMPTS * (Object.keys(kinds).length + 2),
      checks: [
        ...Object.entries(answered).map(([kind, count]) => ({
          what: `${kind}: ${count} of ${ATTEMPTS} were answered, expected 0`,
          ok: count === 0,
        })),
        { what: `${denied} of ${ATTEMPTS} forbidden requests got 403`, ok: denied === ATTEMPTS },
        { what: `${allowed.failures.length} allowed requests failed`, ok: allowed.failures.length === 0 },
      ],
    };
  },
};

/** What came back before the connection ended. */
function answerOf(socket: NodeJS.ReadWriteStream & { destroy(): unknown }): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const end = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    const timer = setTimeout(end, 3000);
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", end).on("close", end).on("end", end);
    socket.write(REQUEST);
  });
}

async function plainText(at: number): Promise<string> {
  const { connect } = await import("node:net");
  return answerOf(connect(at, "127.0.0.1"));
}

function noCertificate(at: number): Promise<string> {
  return answerOf(
    connectTls({ port: at, host: "127.0.0.1", rejectUnauthorized: false, checkServerIdentity: () => undefined }),
  );
}

/** Somebody whose own authority says that it is the front: of another domain, or of ours but with another root. */
function stranger(mesh: Mesh, at: number, trustDomain: string): () => Promise<string> {
  const roots = parseCertificates(readFileSync(join(mesh.folder, "roots.pem"), "utf8"));
  // It trusts the mesh, so that the refusal is the server's.
  const bundles = bundleSet(trustBundle(TrustDomain.parse(TRUST_DOMAIN), roots));
  const id = SpiffeId.parse(`spiffe://${trustDomain}/ns/shop/sa/front`);
  const forged = rotate(createCa({ trustDomain }).issuerFor(id));
  const source: IdentitySource = {
    current: () => {
      const own = forged.current();
      return own && { ...own, bundles };
    },
    ready: (signal) => forged.ready(signal),
    watch: (listener) => forged.watch(listener),
  };
  return async () => {
    await source.ready();
    const socket = await tlsConnect(source, { authorize: matchAny, host: "127.0.0.1", port: at });
    return answerOf(socket);
  };
}
