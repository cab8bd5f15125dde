import { createServer, request as httpRequest } from "node:http";

/** Answers one path of an admin port: gets the JSON that came, gives the JSON that goes. */
export type AdminHandler = (input: Readonly<Record<string, unknown>>) => unknown;

/** Serves small JSON calls on loopback. */
export function adminServer(port: number, handlers: Readonly<Record<string, AdminHandler>>): Promise<void> {
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const handler = handlers[request.url ?? "/"];
    try {
      const output = await handler?.(text === "" ? {} : JSON.parse(text));
      response.writeHead(handler ? 200 : 404, { "content-type": "application/json" });
      response.end(`${JSON.stringify(output ?? null)}\n`);
    } catch (error) {
      response.writeHead(400).end(`${JSON.stringify({ error: String(error) })}\n`);
    }
  });
  return new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
}

/** Calls a program of the mesh at its admin port, or at its Unix socket. */
export function call<T>(at: number | string, path: string, input?: unknown): Promise<T> {
  const where = typeof at === "number" ? { host: "127.0.0.1", port: at } : { socketPath: at };
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { ...where, path, method: input === undefined ? "GET" : "POST", agent: false, timeout: 5000 },
      (response) => {
        let text = "";
        response
          .setEncoding("utf8")
          .on("data", (chunk) => {
            text += chunk;
          })
          .on("end", () => {
            if (response.statusCode === 200) resolve(JSON.parse(text) as T);
            else reject(new Error(`${path} at ${at}: ${response.statusCode} ${text.trim()}`));
          });
      },
    );
    request.on("timeout", () => request.destroy(new Error(`${path} at ${at}: no answer in 5 s`)));
    request.on("error", reject).end(input === undefined ? undefined : JSON.stringify(input));
  });
}
