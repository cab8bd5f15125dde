/** The upstream of the proxy rows: answers each HTTP/1.1 request with the same 1 KB, without parsing more than it must. */
import { createServer } from "node:net";

const BODY = "x".repeat(1024);
const ANSWER = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`,
  "latin1",
);
const END = Buffer.from("\r\n\r\n", "latin1");

const server = createServer({ noDelay: true }, (socket) => {
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    let data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    // GET only: a request ends with its header.
    for (let end = data.indexOf(END); end >= 0; end = data.indexOf(END)) {
      socket.write(ANSWER);
      data = data.subarray(end + END.length);
    }
    rest = data;
  });
  socket.on("error", () => socket.destroy());
});

server.listen(0, "127.0.0.1", () => process.send?.(server.address()));
process.once("disconnect", () => process.exit(0));
