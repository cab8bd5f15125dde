import { CHAIN, DNS_PORT } from "../chains.js";
import { from, fromPort, group, protocolIn, tcp, to, toPort, udp, user } from "../match.js";
import type { Options } from "../options.js";
import type { Family, Match, Target } from "../rule.js";
import { outboundChainAfterGroups } from "./outbound.js";
import type { RuleList } from "./rule-list.js";

/** Zone of the agent's own queries. */
const UPSTREAM_ZONE: Target = { kind: "zone", zone: "1" };
/** Zone of what applications ask and the agent answers. */
const CLIENT_ZONE: Target = { kind: "zone", zone: "2" };
const TO_AGENT: Target = { kind: "redirect", port: DNS_PORT };

interface Server {
  readonly family: Family;
  readonly range: string;
}

/** Queries go to the agent; conntrack zones keep its own queries apart from the ones it answers. */
export function captureDns(rules: RuleList, options: Options): void {
  const { dns } = options;
  if (dns.kind === "off") return;
  const servers: readonly Server[] =
    dns.kind === "all"
      ? []
      : [
          ...dns.ipv4.map((ip): Server => ({ family: "ipv4", range: `${ip}/32` })),
          ...dns.ipv6.map((ip): Server => ({ family: "ipv6", range: `${ip}/128` })),
        ];
  const families: readonly Family[] =
    dns.kind === "all"
      ? ["ipv4", "ipv6"]
      : (["ipv4", "ipv6"] as const).filter((family) => servers.some((server) => server.family === family));
  const jump: Target = { kind: "jump", chain: CHAIN.outputDns };
  rules.append("raw", "OUTPUT", [], jump, "DNS packets get their conntrack zone before they are tracked.");
  const nat = "DNS queries are captured before anything else is.";
  rules.appendIn(families, "nat", outboundChainAfterGroups(options), [], jump, nat);
  redirectQueries(rules, dns.kind === "all", servers);
  separateZones(rules, options, dns.kind === "all", servers, families);
}

function redirectQueries(rules: RuleList, all: boolean, servers: readonly Server[]): void {
  for (const protocol of ["tcp", "udp"] as const) {
    const port = toPort(protocol, "53");
    const words = protocol === "tcp" ? tcp : udp;
    if (all) {
      // istio's nft form names the protocol twice for tcp and once for udp.
      const matches = protocol === "tcp" ? [words, port] : [protocolIn("iptables", protocol), port];
      rules.append("nat", CHAIN.outputDns, matches, TO_AGENT, `DNS over ${protocol} goes to the agent.`);
    }
    for (const { family, range } of servers) {
      const matches = [protocolIn("iptables", protocol), port, to(range)];
      const why = `DNS over ${protocol} to ${range} goes to the agent.`;
      rules.appendIn([family], "nat", CHAIN.outputDns, matches, TO_AGENT, why);
    }
  }
}

function separateZones(
  rules: RuleList,
  options: Options,
  all: boolean,
  servers: readonly Server[],
  families: readonly Family[],
): void {
  const udpOnly = protocolIn("iptables", "udp");
  const query = [udpOnly, toPort("udp", "53")] as const;
  const answer = [udpOnly, fromPort("udp", "53")] as const;
  for (const owner of [...options.proxyUids.map(user), ...options.proxyGids.map(group)]) {
    const upstream = "The agent's own queries have a zone of their own, so that a reused port is not mistaken.";
    rules.append("raw", CHAIN.outputDns, [...query, owner], UPSTREAM_ZONE, upstream);
    const client = "The agent's answers belong to the zone of the captured query.";
    rules.append("raw", CHAIN.outputDns, [udpOnly, fromPort("udp", DNS_PORT), owner], CLIENT_ZONE, client);
  }
  const asked = "Captured queries of applications have their own zone.";
  const answered = "Answers of real servers belong to the zone of the agent's queries.";
  const jump = "Answers get their conntrack zone before they are tracked.";
  const inbound: Target = { kind: "jump", chain: CHAIN.inbound };
  if (all) {
    rules.append("raw", "PREROUTING", [], inbound, jump);
    rules.append("raw", CHAIN.outputDns, query, CLIENT_ZONE, asked);
    rules.append("raw", CHAIN.inbound, answer, UPSTREAM_ZONE, answered);
    return;
  }
  rules.appendIn(families, "raw", "PREROUTING", [], inbound, jump);
  for (const { family, range } of servers) {
    const both: readonly [Match[], Match[]] = [
      [...query, to(range)],
      [...answer, from(range)],
    ];
    rules.appendIn([family], "raw", CHAIN.outputDns, both[0], CLIENT_ZONE, asked);
    rules.appendIn([family], "raw", CHAIN.inbound, both[1], UPSTREAM_ZONE, answered);
  }
}
