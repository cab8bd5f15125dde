/** The load of the proxy rows: keep-alive connections that each send the next request when the answer is complete. */
import { connect, type Socket } from "node:net";

/** What to send, and where. */
export interface LoadRequest {
  readonly port: number;
  readonly host: string;
  readonly connections: number;
  readonly durationMs: number;
}

/** What came back. */
export interface LoadResult {
  readonly requests: number;
  readonly errors: number;
  readonly seconds: number;
}

process.on("message", (request: LoadRequest) => {
  void run(request).then((result) => process.send?.(result));
});
process.once("disconnect", () => process.exit(0));
process.send?.("ready");

async function run({ port, host, connections, durationMs }: LoadRequest): Promise<LoadResult> {
  const message = Buffer.from(`GET /reviews/1 HTTP/1.1\r\nhost: ${host}\r\naccept: */*\r\n\r\n`, "latin1");
  const counts = { requests: 0, errors: 0 };
  const start = process.hrtime.bigint();
  const end = start + BigInt(durationMs) * 1_000_000n;
  await Promise.all(Array.from({ length: connections }, () => converse(port, message, end, counts)));
  return { ...counts, seconds: Number(process.hrtime.bigint() - start) / 1e9 };
}

function converse(
  port: number,
  message: Buffer,
  end: bigint,
  counts: { requests: number; errors: number },
): Promise<void> {
  return new Promise((resolve) => {
    const socket: Socket = connect({ port, host: "127.0.0.1", noDelay: true });
    let text = "";
    socket.once("connect", () => socket.write(message));
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      const length = messageLength(text);
      if (length === undefined || text.length < length) return;
      if (text.startsWith("HTTP/1.1 200")) counts.requests += 1;
      else counts.errors += 1;
      text = text.slice(length);
      if (process.hrtime.bigint() < end) socket.write(message);
      else socket.end();
    });
    socket.on("error", () => {
      counts.errors += 1;
    });
    socket.once("close", () => resolve());
  });
}

/** Header and body together, once the header is complete. The proxies keep the upstream's content-length. */
function messageLength(text: string): number | undefined {
  const header = text.indexOf("\r\n\r\n");
  if (header < 0) return undefined;
  const field = text.toLowerCase().indexOf("content-length:");
  if (field < 0 || field > header) return header + 4;
  return header + 4 + Number.parseInt(text.slice(field + "content-length:".length), 10);
}
