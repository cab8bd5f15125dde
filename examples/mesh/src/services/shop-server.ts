import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

/** What an application answers. */
export interface Answer {
  /** HTTP status. Default 200. */
  readonly status?: number;
  /** Header fields beside the content type. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Anything JSON can say. */
  readonly body: unknown;
}

/** A fault that the story switches on and off, as a broken release would do it for good. */
export interface Fault {
  /** The status of the failing answers. */
  readonly status: number;
  /** The share of requests that fail, 0–1; spread evenly, so that a run is repeatable. */
  readonly rate: number;
  /** How long each answer takes, in milliseconds. */
  readonly delayMs: number;
}

const HEALTHY: Fault = { status: 200, rate: 0, delayMs: 0 };

/**
 * A plain HTTP server that knows nothing of a mesh. `POST /_fault` sets a {@link Fault}, `GET /_count` tells how many
 * requests came; everything else is the application's.
 */
export function shopServer(name: string, answer: (request: IncomingMessage) => Promise<Answer> | Answer): Server {
  let fault = HEALTHY;
  let owed = 0;
  const count = { requests: 0, shadows: 0 };

  function failsNow(): boolean {
    owed += fault.rate;
    if (owed < 1 - 1e-9) return false;
    owed -= 1;
    return true;
  }

  async function serve(request: IncomingMessage): Promise<Answer> {
    count.requests++;
    // A proxy marks the copies it sends so that the receiver can tell them apart.
    if (/-shadow(:\d+)?$/.test(request.headers.host ?? "")) count.shadows++;
    if (fault.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
    if (failsNow()) return { status: fault.status, body: { service: name, error: "a fault was injected" } };
    return answer(request);
  }

  async function control(request: IncomingMessage): Promise<Answer | undefined> {
    if (request.url === "/_count") return { body: count };
    if (request.url !== "/_fault") return undefined;
    let text = "";
    for await (const chunk of request) text += chunk;
    fault = { ...HEALTHY, ...(JSON.parse(text) as Partial<Fault>) };
    owed = 0;
    return { body: fault };
  }

  return createServer(async (request: IncomingMessage, response: ServerResponse) => {
    try {
      const { status = 200, headers, body } = (await control(request)) ?? (await serve(request));
      response.writeHead(status, { "content-type": "application/json", ...headers }).end(`${JSON.stringify(body)}\n`);
    } catch (error) {
      response.writeHead(500).end(`${String(error)}\n`);
    }
  });
}
