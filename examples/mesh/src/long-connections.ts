import { connect, type Socket } from "node:net";

/** Connections that stay open and say something from time to time; each must be answered in order, or it counts as dropped. */
export class LongConnections implements AsyncDisposable {
  readonly #sockets: Socket[] = [];
  readonly #timer: NodeJS.Timeout;
  #dropped = 0;
  #answered = 0;
  #ended = false;

  private constructor(sockets: readonly Socket[], everyMs: number) {
    for (const socket of sockets) this.#watch(socket);
    let turn = 0;
    this.#timer = setInterval(() => {
      turn++;
      for (const socket of this.#sockets) if (socket.writable) socket.write(`turn ${turn}\n`);
    }, everyMs);
  }

  /** Opens them; each has been answered once when this resolves. */
  static async open(port: number, count: number, everyMs: number): Promise<LongConnections> {
    const sockets = await Promise.all(Array.from({ length: count }, () => open(port)));
    return new LongConnections(sockets, everyMs);
  }

  /** How many were opened. */
  get count(): number {
    return this.#sockets.length;
  }

  /** How many have ended, or answered wrongly, although nobody closed them. */
  get dropped(): number {
    return this.#dropped;
  }

  /** How many lines were answered on all of them. */
  get answered(): number {
    return this.#answered;
  }

  #watch(socket: Socket): void {
    this.#sockets.push(socket);
    let expected = 2;
    let rest = "";
    socket.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line.startsWith(`${expected++} turn `)) this.#answered++;
        else socket.destroy();
      }
    });
    socket.on("close", () => {
      if (!this.#ended) this.#dropped++;
    });
  }

  /** Closes them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    clearInterval(this.#timer);
    for (const socket of this.#sockets) socket.destroy();
  }
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write("hello\n"));
    socket
      .setEncoding("utf8")
      .once("error", reject)
      .once("close", () => reject(new Error("a long connection was refused")));
    socket.once("data", () => resolve(socket.on("error", () => socket.destroy())));
  });
}
