import { Client, Server, type ServerDuplexStream, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import { createCa, matchAny, matchId, rotate, SpiffeId } from "@weftmesh/cert";
import { type GrpcListener, grpcChannelCredentials, listenGrpc } from "@weftmesh/cert/services";
import { afterEach, expect, test } from "vitest";

const id = (text: string): SpiffeId => SpiffeId.parse(text);
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanUps.splice(0).reverse()) await one();
});

const same = (bytes: Buffer): Buffer => bytes;
const codec = { requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same };
const service = {
  Who: { path: "/test.Echo/Who", requestStream: false, responseStream: false, ...codec },
  Talk: { path: "/test.Echo/Talk", requestStream: true, responseStream: true, ...codec },
} as const;

async function pair() {
  const ca = createCa({ trustDomain: "td.test" });
  const [a, b] = [rotate(ca.issuerFor(id("spiffe://td.test/a"))), rotate(ca.issuerFor(id("spiffe://td.test/b")))];
  await Promise.all([a.ready(), b.ready()]);
  const server = new Server();
  const holder: { listener?: GrpcListener } = {};
  server.addService(service, {
    Who: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) =>
      done(null, Buffer.from(String(holder.listener?.peerAt(call.getPeer())?.id))),
    Talk: (call: ServerDuplexStream<Buffer, Buffer>) =>
      call.on("data", (data) => call.write(data)).on("end", () => call.end()),
  });
  const listener = await listenGrpc(server, { source: a });
  holder.listener = listener;
  cleanUps.push(
    () => a[Symbol.dispose](),
    () => b[Symbol.dispose](),
    () => listener.close(),
  );
  const connect = (authorize = matchAny) => {
    const client = new Client(listener.address, grpcChannelCredentials(b, authorize), {
      "grpc.ssl_target_name_override": "localhost",
    });
    cleanUps.push(() => client.close());
    const who = () =>
      new Promise<string>((resolve, reject) =>
        client.makeUnaryRequest(
          service.Who.path,
          same,
          same,
          Buffer.alloc(0),
          { deadline: Date.now() + 3000 },
          (error, answer) => (error ? reject(error) : resolve(String(answer))),
        ),
      );
    return { client, who };
  };
  return { a, b, connect };
}

test("a gRPC server knows who calls, and a client who answers", async () => {
  const { connect } = await pair();
  expect(await connect(matchId(id("spiffe://td.test/a"))).who()).toBe("spiffe://td.test/b");
  await expect(connect(matchId(id("spiffe://td.test/c"))).who()).rejects.toMatchObject({
    details: expect.stringContaining("ERR_CERT_PEER_NOT_AUTHORIZED"),
  });
});

test("a stream goes on while both ends rotate, and new calls go through", async () => {
  const { a, b, connect } = await pair();
  const { client, who } = connect();
  const stream = client.makeBidiStreamRequest(service.Talk.path, same, same);
  // The stream ends with the server, in the clean-up.
  stream.on("error", () => undefined);
  const echo = (text: string) =>
    new Promise<string>((resolve) => {
      stream.once("data", (data: Buffer) => resolve(String(data)));
      stream.write(Buffer.from(text));
    });
  expect(await echo("before")).toBe("before");
  await Promise.all([a.renew(), b.renew()]);
  expect(await echo("after")).toBe("after");
  expect(await who()).toBe("spiffe://td.test/b");
  expect(await connect().who()).toBe("spiffe://td.test/b");
  stream.end();
});
