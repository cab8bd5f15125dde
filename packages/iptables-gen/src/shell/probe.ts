import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { explanationText } from "../explanation-text.js";
import type { Backend } from "../rule.js";
import { generate } from "../rule-set.js";
import { compileSettings, type Settings } from "../settings.js";
import type { Packet } from "../walk/packet.js";
import { createWalker, type WalkSource } from "../walk/walk.js";
import { readLiveRules } from "./machine-rules.js";
import { originalDst } from "./original-dst.js";
import type { LogSink } from "./perform.js";
import { type CommandRunner, localRunner } from "./run-command.js";

/** Milliseconds between two attempts to connect. */
const RETRY_MS = 1000;

/**
 * Checks that captured connections arrive: listens where the proxy would, dials an address nobody has, and expects the connection with
 * its original port. Must run as a proxy user: nobody else is captured on loopback.
 *
 * @throws Error that says what was expected and what the rules do with the probe.
 */
export async function probe(settings: Settings, log: LogSink, runner: CommandRunner = localRunner): Promise<void> {
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
    if (outcome === "timeout") throw new Error(`validation timeout: ${whatRulesSay(settings, dial, runner)}`);
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

/**
 * Why the probe did not arrive: its way through the rules in force. Where this user may not read them, its way through the wanted ones,
 * which tells a wrong user from missing rules.
 */
function whatRulesSay(settings: Settings, dial: string, runner: CommandRunner): string {
  const [uid, gid] = [String(process.getuid?.() ?? 0), String(process.getgid?.() ?? 0)];
  const source = dial === "::6" ? "::1" : "127.0.0.1";
  const packet: Packet = {
    protocol: "tcp",
    destination: dial,
    destinationPort: settings.iptablesProbePort,
    source,
    owner: { uid, gid },
  };
  const wanted = generate(compileSettings(settings, "strict").options);
  const { captured, why } = judge(packet, { rules: wanted, backend: backendOf(settings) });
  const wrongUser = `what user ${uid} sends to ${dial} is not captured by the wanted rules; run the check as a proxy user (${settings.proxyUid})`;
  let live: WalkSource;
  try {
    live = readLiveRules(runner);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (!captured) return `${wrongUser}\n${why}`;
    return `the wanted rules would redirect the probe, so they are not in force here (user ${uid} may not read those that are: ${reason})\n${why}`;
  }
  const actual = judge(packet, live);
  const summary = actual.captured
    ? "the rules in force redirect the probe, and nothing of the proxy's accepted it"
    : captured
      ? "the rules in force are not the wanted ones: they do not redirect the probe"
      : wrongUser;
  return `${summary}; the probe's way through the rules in force:\n${actual.why}`;
}

function backendOf({ nativeNftables }: Settings): Backend {
  return nativeNftables ? "nftables" : "iptables";
}

function judge(packet: Packet, source: WalkSource): { readonly captured: boolean; readonly why: string } {
  const explanation = createWalker(source).explain(packet);
  return { captured: explanation.by !== undefined, why: explanationText(packet, explanation, source).trimEnd() };
}
