import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo, Server } from "node:net";
import { CertError } from "../errors.js";
import { isJsonObject, type JsonValue, parseJson } from "../json.js";
import { matchAny } from "../matcher.js";
import { systemScheduler } from "../shell/clock.js";
import { verifyJwtSvid } from "../shell/jws.js";
import { tlsConnect } from "../shell/tls-client.js";
import { peerOf } from "../shell/tls-gate.js";
import { tlsServer } from "../shell/tls-server.js";
import { type WorkloadSource, workloadSource } from "../shell/workload-client.js";
import { SpiffeId } from "../spiffe-id.js";
import { type Command, UsageError } from "./output.js";
import { version } from "./version.js";

/** An answer of the control port: 200 `ok`, 422 `rejected` by a rule, 500 `error`, 501 `unsupported`. */
interface Answer {
  readonly status: 200 | 422 | 500 | 501;
  readonly body: object;
}

type Input = { readonly [name: string]: JsonValue };

const MAX_BODY_BYTES = 256 * 1024;
/** The control port waits no longer than this for what it needs of the Workload API. */
const WAIT_MS = 5000;

const rejected = (message: string): Answer => ({ status: 422, body: { status: "rejected", message } });
const failed = (message: string): Answer => ({ status: 500, body: { status: "error", message } });
const ok = (body: object): Answer => ({ status: 200, body: { status: "ok", ...body } });

async function inputOf(request: IncomingMessage): Promise<Input> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new UsageError("the body is too large");
    chunks.push(chunk);
  }
  const value = parseJson(Buffer.concat(chunks).toString("utf8"), "body");
  if (!isJsonObject(value)) throw new UsageError("expected a JSON object");
  return value;
}

function text(input: Input, name: string): string {
  const value = input[name];
  if (typeof value !== "string") throw new UsageError(`${name}: expected a text`);
  return value;
}

async function validate(source: WorkloadSource, input: Input): Promise<Answer> {
  const bundles = await source.jwtBundles(AbortSignal.timeout(WAIT_MS));
  const expect = { audience: [text(input, "audience")] };
  const verdict = verifyJwtSvid(text(input, "token"), bundles, expect, systemScheduler.now());
  if (verdict.kind === "rejected") return rejected(verdict.error.message);
  return ok({ spiffe_id: verdict.id, claims: verdict.claims });
}

async function fetchTokens(source: WorkloadSource, input: Input): Promise<Answer> {
  const { audience, spiffe_id: id } = input;
  const wanted = (Array.isArray(audience) ? audience : [audience]).filter((one) => typeof one === "string");
  const parsed = typeof id === "string" && id !== "" ? SpiffeId.parse(id, "spiffe_id") : undefined;
  const tokens = await source.fetchJwts(wanted, parsed);
  return ok({ svids: tokens.map((one) => ({ spiffe_id: one.id, token: one.token, hint: one.hint })) });
}

async function dial(source: WorkloadSource, input: Input): Promise<Answer> {
  const address = text(input, "address");
  const colon = address.lastIndexOf(":");
  const [host, port] = [address.slice(0, colon), Number(address.slice(colon + 1))];
  try {
    const socket = await tlsConnect(source, { authorize: matchAny, host, port });
    const peer = peerOf(socket)?.id;
    socket.destroy();
    return ok({ spiffe_id: peer });
  } catch (error) {
    // A rule of ours is a verdict; a network that fails is none.
    if (error instanceof CertError && error.code !== "ERR_CERT_NO_IDENTITY") return rejected(error.message);
    return failed((error as Error).message);
  }
}

async function answer(source: WorkloadSource, request: IncomingMessage): Promise<Answer> {
  const route = `${request.method} ${request.url}`;
  switch (route) {
    case "POST /v1/jwt/validate":
      return validate(source, await inputOf(request));
    case "POST /v1/jwt/fetch":
      return fetchTokens(source, await inputOf(request));
    case "POST /v1/x509/dial":
      return dial(source, await inputOf(request));
    case "GET /v1/info":
      return { status: 200, body: { sdk: "@weftmesh/cert", sdk_version: version(), language: "typescript" } };
    default:
      return { status: 501, body: { status: "unsupported", message: `there is no ${route}` } };
  }
}

const toJson = (value: unknown): string =>
  JSON.stringify(value, (_name, entry: unknown) => (typeof entry === "bigint" ? Number(entry) : entry));

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/**
 * `harness`: lets a conformance suite see what this package decides, over the network and nothing else.
 *
 * @see https://github.com/arndt-s/spiffe-conformance-test-suite/blob/main/docs/HARNESS_CONTRACT.md
 */
export const harnessCommand: Command = async (_flags, output) => {
  const address = process.env["SPIFFE_ENDPOINT_SOCKET"];
  if (address === undefined) throw new UsageError("SPIFFE_ENDPOINT_SOCKET is needed");
  const stopped = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  const onFailure = (error: unknown): unknown => output.stderr(`${(error as Error).message}\n`);
  using source = workloadSource({ address, onFailure });
  if ((await Promise.race([source.ready(), stopped.then(() => undefined)])) === undefined) return 0;
  const x509 = tlsServer(source, { onRejected: ({ error }) => onFailure(error) }, (socket) => {
    socket.on("error", () => undefined);
    socket.end(`${peerOf(socket)?.id}\n`);
  });
  const control = createServer((request, response) => {
    answer(source, request)
      .catch((error: unknown) => failed((error as Error).message))
      .then(({ status, body }) => {
        response.writeHead(status, { "content-type": "application/json" }).end(toJson(body));
      }, onFailure);
  });
  const [x509Port, controlPort] = [await listen(x509), await listen(control)];
  output.stdout(`SPIFFE_HARNESS_VERSION=1\nSPIFFE_X509_PORT=${x509Port}\nSPIFFE_CONTROL_PORT=${controlPort}\nREADY\n`);
  await stopped;
  x509.close();
  control.close();
  control.closeAllConnections();
  return 0;
};
