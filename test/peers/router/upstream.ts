/** An upstream that remembers what reached it, to the byte, by the case that the request carries. */
import { type AddressInfo, createServer, type Socket } from "node:net";
import { upstreamAnswer } from "../../conformance/router-answer.js";

/** What arrived, with its fields in order as sent; text stands for bytes. */
export interface Arrival {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
}

/** A server for every cluster of the tables. */
export interface Upstream extends AsyncDisposable {
  readonly port: number;
  /** The last request that arrived for a case, which is then forgotten. */
  take(id: string): Arrival | undefined;
}

/** Starts it. It takes everything that looks like HTTP/1.1: what may be sent is for Envoy to say. */
export async function startUpstream(): Promise<Upstream> {
  const arrivals = new Map<string, Arrival>();
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    let text = "";
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      for (let found = next(text); found !== undefined; found = next(text)) {
        text = found.rest;
        const { arrival } = found;
        arrivals.set(arrival.headers.find(([name]) => name === "x-case")?.[1] ?? "", arrival);
        const upgrade = arrival.method === "CONNECT" || arrival.headers.some(([name]) => name === "upgrade");
        socket.write(answerText(arrival, upgrade), "latin1");
      }
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    take(id) {
      const arrival = arrivals.get(id);
      arrivals.delete(id);
      return arrival;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The first whole request of a text, and what follows it. */
function next(text: string): { readonly arrival: Arrival; readonly rest: string } | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).replace(/^ /, "")];
  });
  const fieldValue = (name: string): string | undefined => headers.find((pair) => pair[0] === name)?.[1];
  const chunked = fieldValue("transfer-encoding") === "chunked";
  const after = end + 4;
  const close = chunked ? text.indexOf("0\r\n\r\n", after) + 5 : after + Number(fieldValue("content-length") ?? 0);
  if (text.length < close || (chunked && close < after + 5)) return undefined;
  const space = first.indexOf(" ");
  const arrival = { method: first.slice(0, space), path: first.slice(space + 1, first.lastIndexOf(" ")), headers };
  return { arrival, rest: text.slice(close) };
}

function answerText({ method, headers }: Arrival, upgrade: boolean): string {
  const answer = upstreamAnswer(headers.flat());
  const tunnel = upgrade && answer.status === 200;
  const lines = [`HTTP/1.1 ${answer.status} OK`];
  for (let i = 0; i < answer.headers.length; i += 2) {
    if (tunnel && answer.headers[i] === "content-length") continue;
    lines.push(`${answer.headers[i]}: ${answer.headers[i + 1]}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n${method === "HEAD" || tunnel ? "" : "ok"}`;
}
