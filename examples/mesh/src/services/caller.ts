import type { IncomingMessage } from "node:http";
import { Pool } from "undici";

/** What another service said. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

/** Calls another service by its name. */
export type Caller = (service: string, path: string, cause?: IncomingMessage) => Promise<Reply>;

/** What an application hands on from the request it answers, so that routing by header works along the whole chain. */
const HANDED_ON = ["x-user", "x-request-id", "traceparent"];

/** A caller that sends everything to the outbound port of the sidecar, as an HTTP proxy setting would. */
export function caller(outboundPort: number): Caller {
  const pool = new Pool(`http://127.0.0.1:${outboundPort}`, { connections: 128 });
  return async (service, path, cause) => {
    const headers: Record<string, string> = { host: service };
    for (const name of HANDED_ON) {
      const value = cause?.headers[name];
      if (typeof value === "string") headers[name] = value;
    }
    const response = await pool.request({ path, method: "GET", headers });
    const text = await response.body.text();
    const json = String(response.headers["content-type"] ?? "").startsWith("application/json");
    return { status: response.statusCode, headers: response.headers, body: json ? JSON.parse(text) : text };
  };
}
