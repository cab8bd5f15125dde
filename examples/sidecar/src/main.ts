/** The command line of the sidecar: who it is, where its configuration and certificates come from, what it can tell. */
import { readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { bundleSet, parseCertificates, rotate, SpiffeId, TrustDomain, trustBundle } from "@weftmesh/cert";
import { caClient } from "@weftmesh/cert/services";
import { createClient } from "@weftmesh/xds";
import { runSidecar, validate } from "./sidecar.js";
import type { Upstream } from "./upstream.js";

const HELP = `A sidecar built from the weftmesh packages.

  node main.js --id spiffe://shop.example/ns/shop/sa/front --node front --xds 127.0.0.1:20010 \\
    --ca 127.0.0.1:20012 --ca-root root.pem --token-file token --admin 127.0.0.1:20290

  --id ID            the SPIFFE ID to ask a certificate for
  --node NAME        the node id to ask configuration for
  --xds ADDRESS      the control plane: an ADS server
  --ca ADDRESS       the certificate authority: Istio's certificate service
  --ca-root FILE     the roots to trust at first, PEM
  --token-file FILE  the bearer token that proves to the certificate authority who this is
  --renew-at SHARE   renew a certificate after this share of its lifetime; default 0.5
  --admin ADDRESS    serve GET /stats, and POST /renew, at HOST:PORT or the path of a Unix socket
  --until-stdin-ends end when standard input does, so that no sidecar outlives whoever started it
`;

const { values } = parseArgs({
  options: {
    id: { type: "string", default: "" },
    node: { type: "string", default: "sidecar" },
    xds: { type: "string", default: "127.0.0.1:20010" },
    ca: { type: "string", default: "127.0.0.1:20012" },
    "ca-root": { type: "string", default: "" },
    "token-file": { type: "string", default: "" },
    "renew-at": { type: "string", default: "0.5" },
    admin: { type: "string" },
    "until-stdin-ends": { type: "boolean" },
    help: { type: "boolean" },
  },
});

function fail(error: unknown): never {
  const { code, address, port, message } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  process.stderr.write(code === "EADDRINUSE" ? `${address}:${port} is in use by another program\n` : `${message}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const id = SpiffeId.parse(values.id, "--id");
  const domain = SpiffeId.trustDomain(id);
  const roots = parseCertificates(readFileSync(values["ca-root"], "utf8"));
  const token = readFileSync(values["token-file"], "utf8").trim();
  const bundles = bundleSet(trustBundle(TrustDomain.parse(domain), roots));
  const failures: string[] = [];
  const identity = rotate(caClient({ address: values.ca, bundles, token }), {
    id,
    ratio: Number(values["renew-at"]),
    backoffMs: { base: 100, max: 1000 },
    onFailure: (error) => failures.push(String(error)),
  });
  const events: unknown[] = [];
  const note = (event: unknown): void => {
    if (events.push(event) > 1000) events.shift();
  };
  const client = createClient({
    bootstrap: { servers: [{ uri: values.xds }], node: { id: values.node } },
    validate,
    onEvent: note,
  });

  let generation = 0;
  let clusters: ReadonlyMap<string, Upstream> = new Map();
  const counters = new Map<string, number>();
  const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");
  const stats = (): unknown => {
    const now = identity.current();
    const leaf = now?.svid.chain[0];
    const trusted = now?.bundles.get(domain)?.x509Authorities ?? [];
    const issuer = trusted.find(({ subject }) => hex(subject) === hex(leaf?.issuer));
    return {
      node: values.node,
      generation,
      identity: {
        ...identity.status(),
        serial: hex(leaf?.serial),
        issuer: hex(issuer?.serial),
        roots: trusted.map(({ serial }) => hex(serial)),
        lastFailure: failures.at(-1),
      },
      counters: Object.fromEntries(counters),
      clusters: Object.fromEntries([...clusters].map(([name, { lb }]) => [name, lb.stats()])),
      events,
    };
  };

  const admin = createServer(async (request, response) => {
    if (request.method === "POST" && request.url === "/renew") await identity.renew().catch(() => {});
    response.writeHead(200, { "content-type": "application/json" }).end(`${JSON.stringify(stats())}\n`);
  });
  admin.on("error", fail);
  if (values.admin !== undefined) {
    const [host, port] = values.admin.split(":");
    // A socket file that nobody listens to any more is in the way.
    if (port === undefined) rmSync(values.admin, { force: true });
    admin.listen(port === undefined ? { path: host } : { host, port: Number(port) });
  }
  const end = (): never => process.exit(0);
  if (values["until-stdin-ends"]) {
    process.stdin.on("end", end).on("error", end).resume();
    // Ctrl-C reaches the whole process group; whoever started this decides in which order things end.
    process.on("SIGINT", () => {});
  }
  process.on("SIGTERM", end);
  process.on("uncaughtException", fail);

  await identity.ready();
  await runSidecar(client.config(), {
    identity,
    count: (name) => counters.set(name, (counters.get(name) ?? 0) + 1),
    onHost: note,
    onConfig(set, upstreams) {
      if (generation === 0) process.stdout.write("ready\n");
      generation = set.generation;
      clusters = upstreams;
    },
  });
}

main().catch(fail);
