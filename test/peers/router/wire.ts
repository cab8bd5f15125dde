/** HTTP/1.1 to the byte: sends what no client library would, and tells exactly what came back. */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Request } from "../../conformance/router-answer.js";

/** An answer as it stands on the wire; text stands for bytes. */
export interface WireAnswer {
  /** Null if the connection ended without an answer. */
  readonly status: number | null;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

const ANSWER_TIMEOUT_MS = 15_000;
const nothing: WireAnswer = { status: null, headers: [], body: "" };

/** One client: requests go one after the other, on one connection as long as it lasts. */
export class Wire implements Disposable {
  readonly #port: number;
  #socket: Socket | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** Sends a request and waits for its answer. */
  async exchange(request: Request): Promise<WireAnswer> {
    const socket = this.#socket ?? (await open(this.#port));
    this.#socket = undefined;
    const { answer, reusable } = await new Promise<{ answer: WireAnswer; reusable: boolean }>((resolve, reject) => {
      let text = "";
      const end = (answer: WireAnswer, reusable: boolean): void => {
        socket.removeAllListeners();
        socket.on("error", () => undefined);
        resolve({ answer, reusable });
      };
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString("latin1");
        const answer = read(text, request.method, false);
        if (answer !== undefined)
          end(
            answer,
            answer.headers.every(([name]) => name !== "connection"),
          );
      });
      socket.on("error", () => undefined);
      socket.on("close", () => end(read(text, request.method, true) ?? nothing, false));
      socket.setTimeout(ANSWER_TIMEOUT_MS, () => {
        socket.removeAllListeners("close");
        reject(new Error(`no answer to ${request.method} ${request.path.slice(0, 200)}: ${text.slice(0, 200)}`));
      });
      socket.write(requestText(request), "latin1");
    });
    const tunnel = request.method === "CONNECT" || request.headers.some(([name]) => name.toLowerCase() === "upgrade");
    if (reusable && !tunnel && !socket.destroyed) this.#socket = socket;
    else socket.destroy();
    return answer;
  }

  [Symbol.dispose](): void {
    this.#socket?.destroy();
  }
}

async function open(port: number): Promise<Socket> {
  // A listener is announced a moment before its worker listens.
  for (let tries = 0; ; tries++) {
    try {
      return await new Promise<Socket>((resolve, reject) => {
        const socket = connect({ port, host: "127.0.0.1", noDelay: true });
        socket.once("error", reject);
        socket.once("connect", () => {
          socket.off("error", reject);
          resolve(socket);
        });
      });
    } catch (error) {
      if (tries >= 100) throw error;
      await sleep(20);
    }
  }
}

/** The bytes of a request. */
export function requestText({ method, path, headers, body = "" }: Request): string {
  const lines = [`${method} ${path} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  if (body !== "") lines.push(`content-length: ${body.length}`);
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

/** Reads a whole answer; `undefined` while some of it is missing. */
function read(text: string, method: string, closed: boolean): WireAnswer | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const status = Number(first.split(" ")[1]);
  const rest = text.slice(end + 4);
  if (status === 100) return read(rest, method, closed);
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, "")];
  });
  const answer = (body: string): WireAnswer => ({ status, headers, body });
  const fieldValue = (name: string): string | undefined => headers.find((pair) => pair[0] === name)?.[1];
  const tunnel = method === "CONNECT" && status >= 200 && status < 300;
  if (method === "HEAD" || tunnel || status < 200 || status === 204 || status === 304) return answer("");
  const length = fieldValue("content-length");
  if (length !== undefined) return rest.length >= Number(length) ? answer(rest.slice(0, Number(length))) : undefined;
  if (fieldValue("transfer-encoding") === "chunked") return chunked(rest, answer);
  return closed ? answer(rest) : undefined;
}

function chunked(text: string, answer: (body: string) => WireAnswer): WireAnswer | undefined {
  let body = "";
  for (let at = 0; ; ) {
    const line = text.indexOf("\r\n", at);
    if (line < 0) return undefined;
    const size = Number.parseInt(text.slice(at, line), 16);
    if (text.length < line + 4 + size) return undefined;
    if (size === 0) return answer(body);
    body += text.slice(line + 2, line + 2 + size);
    at = line + 4 + size;
  }
}
