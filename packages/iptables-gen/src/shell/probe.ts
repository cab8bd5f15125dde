import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { generate } from "../rule-set.js";
import { compileSettings, type Settings } from "../settings.js";
import { createWalker } from "../walk/walk.js";
import type { LogSink } from "./apply.js";
import { originalDst } from "./original-dst.js";

/** Milliseconds between two attempts to connect. */
const RETRY_MS = 1000;

/**
 * Checks that captured connections arrive: listens where the proxy would, dials an address nobody has, and expects the connection with
 * its original port. Must run as a proxy user: nobody else is captured on loopback.
 *
 * @throws Error that says what was expected and what the rules do with the probe.
 */
export async function probe(settings: Settings, log: LogSink): Promise<void> {
  log(
    "info",
    "Starting iptables validation. This check verifies that iptables rules are properly established for the network.",
  );
  const v6 = settings.hostIp.includes(":");
  const [listen, dial] = v6 ? ["::1", "::6"] : ["127.0.0.1", "127.0.0.6"];
  const servers: Server[] = [];
  const controller = new AbortController();
  try {
    let arrive = (): void => {};
    const arrived = new Promise<string>((resolve) => {
      arrive = () => resolve("arrived");
    });
    for (const port of [settings.envoyPort, settings.inboundCapturePort]) {
      const server = await listenOn(listen, Number(port), (socket) => {
        const found = originalDst(socket);
        socket.end(found.kind === "unknown" ? "" : String(found.port));
        if (found.kind === "found" && found.port === settings.iptablesProbePort) arrive();
      });
      if (server === undefined) log("error", `Error on listening: ${listen}:${port}`);
      else servers.push(server);
    }
    if (servers.length === 0)
      throw new Error(
        `no listener available: ${listen}:${settings.envoyPort},${listen}:${settings.inboundCapturePort}`,
      );
    void dialUntil(controller.signal, listen, dial, settings.iptablesProbePort);
    const timeout = delay(settings.probeTimeoutMs, "timeout", { signal: controller.signal });
    const outcome = await Promise.race([arrived, timeout]);
    if (outcome === "timeout") throw new Error(`validation timeout: ${whatRulesSay(settings, dial)}`);
    log("info", "Validation passed, iptables rules established");
  } catch (error) {
    if (error instanceof Error) log("error", `Validation failed: ${error.message}`);
    throw error;
  } finally {
    controller.abort();
    for (const server of servers) server.close();
  }
}

function listenOn(host: string, port: number, accept: (socket: Socket) => void): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      accept(socket);
    });
    server.once("error", () => resolve(undefined));
    server.listen(port, host, () => resolve(server));
  });
}

async function dialUntil(signal: AbortSignal, localAddress: string, host: string, port: number): Promise<void> {
  while (!signal.aborted) {
    const socket = connect({ host, port, localAddress });
    socket.on("error", () => {});
    socket.on("connect", () => socket.resume());
    try {
      await delay(RETRY_MS, undefined, { signal });
    } catch {
      // Aborted: the check is over.
    }
    socket.destroy();
  }
}

/** What the wanted rules do with the probe: tells a wrong user from missing rules. */
function whatRulesSay(settings: Settings, destination: string): string {
  const rules = generate(compileSettings(settings, "strict").options);
  const [uid, gid] = [String(process.getuid?.() ?? 0), String(process.getgid?.() ?? 0)];
  const verdict = createWalker({ rules }).walk({
    protocol: "tcp",
    destination,
    destinationPort: settings.iptablesProbePort,
    source: destination === "::6" ? "::1" : "127.0.0.1",
    owner: { uid, gid },
  });
  if (verdict.by === "redirect")
    return "the rules would redirect the probe; they are not in force in this network namespace";
  return `the rules do not capture what user ${uid} sends to ${destination}; run the check as a proxy user (${settings.proxyUid})`;
}
