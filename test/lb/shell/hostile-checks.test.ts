import { createServer as createHttpServer } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import {
  type CheckResult,
  createCluster,
  grpcCheck,
  type HealthChecker,
  type Host,
  httpCheck,
  LbError,
  tcpCheck,
} from "@weftmesh/lb";
import { manualScheduler, seededRandom } from "@weftmesh/lb/testing";
import { afterEach, describe, expect, test } from "vitest";

const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

/** A server whose connections are watched. */
class Watched {
  readonly address: Promise<string>;
  private readonly sockets: Promise<unknown>[] = [];

  constructor(server: Server | ReturnType<typeof createHttp2Server>) {
    server.on("connection", (socket: Socket) => {
      socket.on("error", () => undefined);
      this.sockets.push(new Promise((resolve) => socket.once("close", resolve)));
    });
    open.push(server);
    this.address = new Promise((resolve) =>
      server.listen(0, "127.0.0.1", () => resolve(`127.0.0.1:${(server.address() as AddressInfo).port}`)),
    );
  }

  /** Returns when every connection it had is closed: a socket that stays open fails the test by its time limit. */
  async closed(): Promise<number> {
    await Promise.all(this.sockets);
    return this.sockets.length;
  }
}

function hostAt(address: string): Host {
  const cluster = createCluster({ hosts: [address] }, { clock: manualScheduler(), random: seededRandom(1) });
  return cluster.host(address) as Host;
}

async function run(check: HealthChecker, server: Watched, signal = new AbortController().signal): Promise<CheckResult> {
  const result = await check(hostAt(await server.address), signal);
  expect(await server.closed()).toBe(1);
  return result;
}

/** Runs a check whose time is over as soon as the server says so. */
async function runUntil(
  check: HealthChecker,
  serve: (timeIsOver: () => void) => Server | ReturnType<typeof createHttp2Server>,
): Promise<CheckResult> {
  const controller = new AbortController();
  return run(check, new Watched(serve(() => controller.abort())), controller.signal);
}

/** Writes again and again until the other side is gone. */
function flood(socket: { write(data: string): boolean; once(event: "drain", listener: () => void): unknown }): void {
  while (socket.write("x".repeat(65_536)));
  socket.once("drain", () => flood(socket));
}

describe("httpCheck", () => {
  const check = httpCheck({ path: "/" });
  const raw = (answer: (socket: Socket) => void): Watched =>
    new Watched(createTcpServer((socket) => socket.once("data", () => answer(socket))));

  test("no answer is a timeout", async () => {
    expect(await runUntil(check, (over) => createHttpServer(() => over()))).toBe("timeout");
  });

  test("an answer that drips is a timeout, in its head and in its body", async () => {
    for (const start of ["HTTP/1.1 200 OK\r\nx", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"]) {
      const drip = (over: () => void) =>
        createTcpServer((socket) => socket.once("data", () => socket.write(start, () => over())));
      expect(await runUntil(check, drip)).toBe("timeout");
    }
  });

  test("a body without an end is a timeout, whatever is to be kept of it", async () => {
    for (const responseBufferSize of [0, 1024]) {
      const endless = (over: () => void) =>
        createHttpServer((_, response) => {
          response.writeHead(200);
          let written = 0;
          const more = (): void => {
            written += 1;
            if (written === 100) over();
            if (response.write("x".repeat(65_536))) setImmediate(more);
            else response.once("drain", more);
          };
          more();
        });
      const receiving = httpCheck({ path: "/", receive: [Buffer.from("y")], responseBufferSize });
      expect(await runUntil(receiving, endless)).toBe("timeout");
    }
  });

  test.each([
    { name: "a connection that ends", answer: "" },
    { name: "half a response", answer: "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf" },
    { name: "what is no HTTP", answer: "SSH-2.0-OpenSSH\r\n" },
    { name: "a head without an end", answer: `HTTP/1.1 200 OK\r\nx: ${"x".repeat(100_000)}\r\n\r\n` },
  ])("$name is the network's failure", async ({ answer }) => {
    expect(
      await run(
        check,
        raw((socket) => socket.end(answer)),
      ),
    ).toBe("network");
  });

  test("a protocol it did not ask for is a status like any other", async () => {
    const upgrade = (socket: Socket) =>
      socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n");
    expect(await run(check, raw(upgrade))).toBe("fail");
    const any = httpCheck({ path: "/", expectedStatuses: [{ start: 100, end: 600 }] });
    expect(await run(any, raw(upgrade))).toBe("ok");
  });

  test("sends what is to be sent, to another port, with further headers", async () => {
    let seen = "";
    const server = new Watched(
      createHttpServer((request, response) => {
        request.on("data", (chunk) => {
          seen += `${request.method} ${request.url} ${request.headers.host} ${request.headers["x-a"]} ${chunk}`;
        });
        request.on("end", () => response.end());
      }),
    );
    const port = Number((await server.address).split(":").at(-1));
    const options = {
      path: "/h?x=1",
      method: "POST",
      send: Buffer.from("ping"),
      host: "shop",
      headers: { "x-a": "b" },
    };
    const result = await httpCheck({ ...options, port })(hostAt("127.0.0.1:1"), new AbortController().signal);
    expect(result).toBe("ok");
    expect(seen).toBe("POST /h?x=1 shop b ping");
  });

  test.each([
    [{ path: "" }, "http_health_check.path"],
    [{ path: "/", method: "CONNECT" }, "http_health_check.method"],
    [{ path: "/", send: Buffer.from("x") }, "http_health_check.send"],
    [{ path: "/", method: "TRACE", send: Buffer.from("x") }, "http_health_check.send"],
    [{ path: "/", expectedStatuses: [{ start: 200, end: 200 }] }, "http_health_check.expected_statuses[0]"],
    [{ path: "/", retriableStatuses: [{ start: 99, end: 200 }] }, "http_health_check.retriable_statuses[0]"],
    [{ path: "/", retriableStatuses: [{ start: 500, end: 601 }] }, "http_health_check.retriable_statuses[0]"],
    [{ path: "/", receive: [Buffer.alloc(9)], responseBufferSize: 8 }, "http_health_check.receive"],
    [{ path: "/", responseBufferSize: -1 }, "http_health_check.response_buffer_size"],
  ])("%j is refused at %s", (options, path) => {
    const paths: string[] = [];
    try {
      httpCheck(options);
    } catch (error) {
      if (!(error instanceof LbError)) throw error;
      paths.push(...error.issues.map((issue) => issue.path));
    }
    expect(paths).toEqual([path]);
  });
});

describe("tcpCheck", () => {
  test("parts that come byte by byte are found, in order and not twice", async () => {
    const slowly = () =>
      new Watched(
        createTcpServer((socket) => {
          socket.setNoDelay();
          const bytes = [..."xabababc"];
          const next = (): void => {
            const byte = bytes.shift();
            if (byte === undefined) socket.end();
            else socket.write(byte, () => setImmediate(next));
          };
          socket.once("data", next);
        }),
      );
    const check = (...parts: string[]) =>
      tcpCheck({ send: Buffer.from("?"), receive: parts.map((part) => Buffer.from(part)) });
    expect(await run(check("ababab", "c"), slowly())).toBe("ok");
    expect(await run(check("ab", "ab", "ab"), slowly())).toBe("ok");
    expect(await run(check("aba", "ba"), slowly())).toBe("ok");
    expect(await run(check("abab", "abab"), slowly())).toBe("network");
    expect(await run(check("c", "a"), slowly())).toBe("network");
  });

  test("a flood without the parts is a timeout", async () => {
    const serve = (over: () => void) =>
      createTcpServer((socket) => {
        let drained = 0;
        socket.on("drain", () => {
          drained += 1;
          if (drained === 50) over();
        });
        flood(socket);
      });
    expect(await runUntil(tcpCheck({ receive: [Buffer.from("y")] }), serve)).toBe("timeout");
  });

  test("silence is a timeout, an end the network's failure", async () => {
    const check = tcpCheck({ receive: [Buffer.from("y")] });
    expect(await runUntil(check, (over) => createTcpServer(() => over()))).toBe("timeout");
    expect(await run(check, new Watched(createTcpServer((socket) => socket.end("x"))))).toBe("network");
    expect(await run(check, new Watched(createTcpServer((socket) => socket.destroy())))).toBe("network");
  });
});

describe("grpcCheck", () => {
  const SERVING = Buffer.from([0, 0, 0, 0, 2, 8, 1]);
  const HEAD = { ":status": 200, "content-type": "application/grpc" };
  const serve = (answer: (stream: ServerHttp2Stream) => void): Watched => {
    const server = createHttp2Server();
    server.on("stream", (stream) => {
      stream.on("error", () => undefined);
      answer(stream);
    });
    return new Watched(server);
  };
  const complete = (message: Uint8Array, head: Readonly<Record<string, string | number>> = HEAD, status = "0") =>
    serve((stream) => {
      stream.respond(head, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": status }));
      stream.end(message);
    });

  test.each<{ name: string; message: readonly number[]; status?: string; type?: string; result: CheckResult }>([
    { name: "SERVING", message: [...SERVING], result: "ok" },
    { name: "SERVING, as grpc+proto", message: [...SERVING], type: "application/grpc+proto", result: "ok" },
    { name: "a field of a later version", message: [0, 0, 0, 0, 6, 0x12, 2, 9, 9, 8, 1], result: "ok" },
    { name: "the last of two values", message: [0, 0, 0, 0, 4, 8, 1, 8, 2], result: "fail" },
    { name: "UNKNOWN, which is no field at all", message: [0, 0, 0, 0, 0], result: "fail" },
    { name: "SERVICE_UNKNOWN", message: [0, 0, 0, 0, 2, 8, 3], result: "fail" },
    { name: "a status in 10 bytes", message: [0, 0, 0, 0, 4, 8, 0x81, 0x80, 1], result: "fail" },
    { name: "no message", message: [], result: "fail" },
    { name: "two messages", message: [...SERVING, ...SERVING], result: "fail" },
    { name: "a compressed one", message: [1, 0, 0, 0, 2, 8, 1], result: "fail" },
    { name: "half a one", message: [0, 0, 0, 0, 9, 8, 1], result: "fail" },
    { name: "what is no message", message: [0, 0, 0, 0, 2, 8, 0x80], result: "fail" },
    { name: "SERVING with an error", message: [...SERVING], status: "14", result: "fail" },
    { name: "SERVING as text", message: [...SERVING], type: "text/plain", result: "fail" },
  ])("$name: $result", async ({ message, status, type, result }) => {
    const head = { ...HEAD, ...(type !== undefined && { "content-type": type }) };
    expect(await run(grpcCheck(), complete(Buffer.from(message), head, status))).toBe(result);
  });

  test("a server without the service fails", async () => {
    const unimplemented = serve((stream) => stream.respond({ ...HEAD, "grpc-status": "12" }, { endStream: true }));
    expect(await run(grpcCheck(), unimplemented)).toBe("fail");
    expect(await run(grpcCheck(), complete(SERVING, { ...HEAD, ":status": 503 }))).toBe("fail");
  });

  test("an answer without a status fails", async () => {
    const without = serve((stream) => {
      stream.respond(HEAD);
      stream.end(SERVING);
    });
    expect(await run(grpcCheck(), without)).toBe("fail");
  });

  test("an answer without an end fails by its length, not by time", async () => {
    const endless = serve((stream) => {
      stream.respond(HEAD);
      flood(stream);
    });
    expect(await run(grpcCheck(), endless)).toBe("fail");
  });

  test("a stream or connection that breaks is the network's failure", async () => {
    for (const code of [0x2, 0x7, 0x8])
      expect(
        await run(
          grpcCheck(),
          serve((s) => s.close(code)),
        ),
      ).toBe("network");
    expect(
      await run(
        grpcCheck(),
        serve((stream) => stream.session?.destroy()),
      ),
    ).toBe("network");
    expect(
      await run(grpcCheck(), new Watched(createTcpServer((socket) => socket.resume().end("HTTP/1.1 400\r\n\r\n")))),
    ).toBe("network");
  });

  test("a server that goes away in order may still answer", async () => {
    const leaving = serve((stream) => {
      stream.session?.goaway();
      stream.respond(HEAD, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(SERVING);
    });
    // Node's server reads no more once it said so, and does not see that the other side has closed.
    expect(await grpcCheck()(hostAt(await leaving.address), new AbortController().signal)).toBe("ok");
  });

  test("silence is a timeout", async () => {
    expect(await runUntil(grpcCheck(), (over) => createTcpServer((socket) => socket.once("data", over)))).toBe(
      "timeout",
    );
  });

  test("metadata that no header can hold fails, and leaves no connection", async () => {
    const server = serve(() => undefined);
    const check = grpcCheck({ metadata: { "a b": "c" } });
    expect(await check(hostAt(await server.address), new AbortController().signal)).toBe("fail");
    await server.closed();
  });

  test("asks for a service by a name of any length", async () => {
    for (const length of [1, 127, 128, 20_000]) {
      let asked = 0;
      const server = serve((stream) => {
        stream.on("data", (chunk: Buffer) => {
          asked += chunk.length;
        });
        stream.on("end", () => {
          stream.respond(HEAD, { waitForTrailers: true });
          stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
          stream.end(SERVING);
        });
      });
      expect(await run(grpcCheck({ serviceName: "s".repeat(length) }), server)).toBe("ok");
      // A prefix of 5, a tag of 1, and lengths of 7 bits a byte.
      expect(asked).toBe(5 + 1 + (length < 128 ? 1 : length < 16_384 ? 2 : 3) + length);
    }
  });
});
