import { CHAIN, LOOPBACK_V6 } from "../chains.js";
import { not, tcp, to, toPort } from "../match.js";
import type { Options } from "../options.js";
import type { Match } from "../rule.js";
import type { RuleList } from "./rule-list.js";

const KNOWN: Match = { kind: "connection-state", states: ["RELATED", "ESTABLISHED"] };

/** Inbound connections: to the proxy by NAT, or untouched to a transparent socket. */
export function captureInbound(rules: RuleList, options: Options): void {
  const { inboundPorts } = options;
  if (inboundPorts === undefined) return;
  const transparent = options.interception === "TPROXY";
  const table = transparent ? "mangle" : "nat";
  if (transparent) declareTproxy(rules, options);
  const jump = "Incoming TCP is judged in ISTIO_INBOUND.";
  rules.append(table, "PREROUTING", [tcp], { kind: "jump", chain: CHAIN.inbound }, jump);

  if (transparent && options.compat === "fixed") {
    const why = "The tunnel port is the proxy's own; in TPROXY mode the rule in nat does not protect it.";
    rules.append(table, CHAIN.inbound, [tcp, toPort("tcp", options.tunnelPort)], { kind: "return" }, why);
  }
  if (inboundPorts === "*" || options.compat === "fixed") {
    for (const port of options.inboundPortsExclude) {
      const why = `Inbound port ${port} is excluded.`;
      rules.append(table, CHAIN.inbound, [tcp, toPort("tcp", port)], { kind: "return" }, why);
    }
  }
  const captured: readonly { readonly match: readonly Match[]; readonly what: string }[] =
    inboundPorts === "*"
      ? [{ match: [tcp], what: "Every other inbound port" }]
      : inboundPorts.map((port) => ({ match: [tcp, toPort("tcp", port)], what: `Inbound port ${port}` }));
  for (const { match, what } of captured) {
    if (transparent) {
      const established = `${what} is captured; known connections are routed to loopback.`;
      rules.append(table, CHAIN.inbound, [...match, KNOWN], { kind: "jump", chain: CHAIN.divert }, established);
      const fresh = `${what} is captured; new connections are given to the proxy.`;
      rules.append(table, CHAIN.inbound, match, { kind: "jump", chain: CHAIN.tproxy }, fresh);
    } else {
      rules.append(table, CHAIN.inbound, match, { kind: "jump", chain: CHAIN.inRedirect }, `${what} is captured.`);
    }
  }
}

function declareTproxy(rules: RuleList, options: Options): void {
  const { tproxyMark: mark, inboundPort: port, loopback } = options;
  const divert = "Marked packets are routed to loopback, where the transparent socket is.";
  rules.append("mangle", CHAIN.divert, [], { kind: "set-mark", mark }, divert);
  rules.append("mangle", CHAIN.divert, [], { kind: "accept" }, divert);
  rules.appendEach(
    "mangle",
    CHAIN.tproxy,
    (family) => [not(to(family === "ipv4" ? loopback : LOOPBACK_V6)), tcp],
    { kind: "tproxy", port, mark },
    "The proxy receives the connection with its original destination unchanged.",
  );
}
