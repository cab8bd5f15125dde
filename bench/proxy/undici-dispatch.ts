/** The least a Node proxy can do: `node:http` in, `Pool.dispatch` of undici out, nothing decided. */
import { createServer } from "node:http";
import { type Dispatcher, Pool } from "undici";

const pool = new Pool(`http://127.0.0.1:${process.argv[2]}`, { connections: 64, pipelining: 1 });

const server = createServer((request, response) => {
  const method = (request.method ?? "GET") as Dispatcher.HttpMethod;
  const body = method === "GET" || method === "HEAD" ? null : request;
  pool.dispatch(
    { path: request.url ?? "/", method, headers: request.headers, body },
    {
      onRequestStart: () => undefined,
      onResponseStart(_controller, status, headers) {
        response.writeHead(status, headers);
      },
      onResponseData(controller, chunk) {
        if (!response.write(chunk)) {
          controller.pause();
          response.once("drain", () => controller.resume());
        }
      },
      onResponseEnd() {
        response.end();
      },
      onResponseError() {
        if (response.headersSent) response.destroy();
        else response.writeHead(502).end();
      },
    },
  );
});

server.listen(0, "127.0.0.1", () => process.send?.(server.address()));
process.once("disconnect", () => process.exit(0));
