/** What the tests of TLS share: sources, servers on a port of their own, and identities that no CA of ours issues. */
import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import {
  type BundleSet,
  type Ca,
  formatPem,
  type Identity,
  type IdentitySource,
  peerOf,
  type RotateOptions,
  type RotatingSource,
  rotate,
  SpiffeId,
  TrustDomain,
  trustBundle,
} from "@weftmesh/cert";
import { IdentityCell } from "../../packages/cert/src/shell/identity-cell.js";
import { type Forged, forge, type Recipe } from "./forge.js";

export const id = (text: string): SpiffeId => SpiffeId.parse(text);
export const td = TrustDomain.parse("td.test");

const cleanUps: (() => unknown)[] = [];

/** To be undone after the test; the latest first. */
export function undo(task: () => unknown): void {
  cleanUps.push(task);
}

/** Undoes everything; for `afterEach`. */
export async function cleanUp(): Promise<void> {
  for (const one of cleanUps.splice(0).reverse()) await one();
}

/** A source of `spiffe://<domain of the CA>/<name>` that has its first identity. */
export async function source(ca: Ca, name: string, options: RotateOptions = {}): Promise<RotatingSource> {
  const made = rotate(ca.issuerFor(id(`spiffe://${ca.trustDomain}/${name}`)), options);
  undo(() => made[Symbol.dispose]());
  await made.ready();
  return made;
}

/** Starts a server on loopback and gives its port. */
export async function listen<T extends Server>(server: T): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  undo(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Validity around now. */
export const recently = () => ({ notBefore: Date.now() - 60_000, notAfter: Date.now() + 600_000 });

/** An identity of a shape that no CA of ours would issue; it trusts `bundles`, by default its root. */
export function forgedSource(
  root: Forged,
  recipe: Recipe,
  bundles: BundleSet = new Map([[td, trustBundle(td, [root.certificate])]]),
  above: readonly Forged[] = [],
): { source: IdentitySource; identity: Identity } {
  const now = Date.now();
  const leaf = forge({ issuer: root, notBefore: now - 60_000, notAfter: now + 60_000, ...recipe });
  const cell = new IdentityCell();
  const { notBefore, notAfter } = leaf.certificate;
  const chain = [leaf.certificate, ...above.map(({ certificate }) => certificate)];
  const svid = { id: id("spiffe://td.test/forged"), chain, key: leaf.key, notBefore, notAfter };
  return { source: cell, identity: cell.set(svid, bundles) };
}

/** A client that checks nothing, shows the identity it is given, and sends at once. */
export function rawClient(port: number, { svid }: Identity): TLSSocket {
  const socket = connect({
    host: "127.0.0.1",
    port,
    rejectUnauthorized: false,
    key: svid.key.exportPem(),
    cert: svid.chain.map(({ der }) => formatPem("CERTIFICATE", der)).join(""),
  });
  socket.on("error", () => undefined);
  socket.write("evil bytes");
  return socket;
}

/** A server's answer: whom it sees. */
export const greet = (socket: TLSSocket): unknown => socket.end(`hello ${peerOf(socket)?.id}`);

/** What arrives first; nothing if the connection ends before. */
export async function firstBytes(socket: TLSSocket): Promise<string> {
  const [data] = (await Promise.race([once(socket, "data"), once(socket, "close").then(() => [""])])) as [
    Buffer | string,
  ];
  socket.destroy();
  return String(data);
}
