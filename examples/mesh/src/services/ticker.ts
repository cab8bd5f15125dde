import { createServer, type Server } from "node:net";

/** A line protocol that is not HTTP: each line is answered with its number and itself. Connections last as long as the client likes. */
export function ticker(): Server {
  return createServer((socket) => {
    let rest = "";
    let lines = 0;
    socket.setEncoding("utf8").on("data", (text: string) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) socket.write(`${++lines} ${line}\n`);
    });
    socket.on("error", () => socket.destroy());
  });
}
