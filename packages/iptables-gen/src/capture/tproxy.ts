import { CHAIN, LOOPBACK_V6, OUTBOUND_MARK, PASSTHROUGH_SOURCE } from "../chains.js";
import { from, fromInterface, group, mark, not, tcp, to, toInterface, user } from "../match.js";
import type { Options } from "../options.js";
import type { Match } from "../rule.js";
import type { RuleList } from "./rule-list.js";

/** Marks that keep the proxy's own connections apart, in TPROXY mode. Emitted even when no inbound port is captured. */
export function markForTproxy(rules: RuleList, options: Options): void {
  const { tproxyMark } = options;
  rules.append(
    "mangle",
    "PREROUTING",
    [tcp, mark(tproxyMark)],
    { kind: "save-mark" },
    "The proxy marked this packet; the connection keeps the mark for its answers.",
  );
  rules.append(
    "mangle",
    "OUTPUT",
    [tcp, toInterface("lo"), mark(tproxyMark)],
    { kind: "return" },
    "The proxy's connection to the application already has its mark.",
  );
  for (const owner of [...options.proxyUids.map(user), ...options.proxyGids.map(group)]) {
    rules.appendEach(
      "mangle",
      "OUTPUT",
      (family) => [not(to(family === "ipv4" ? options.loopback : LOOPBACK_V6)), tcp, toInterface("lo"), owner],
      { kind: "set-mark", mark: OUTBOUND_MARK },
      "The proxy calls a service of its own pod; the mark lets ISTIO_INBOUND capture it.",
    );
  }
  rules.append(
    "mangle",
    "OUTPUT",
    [tcp, { kind: "connection-mark", value: tproxyMark }],
    { kind: "restore-mark" },
    "Answers of the application get the connection's mark, and policy routing sends them to the proxy.",
  );
  rules.insert(
    1,
    "mangle",
    CHAIN.inbound,
    [tcp, mark(tproxyMark)],
    { kind: "return" },
    "What the proxy marked was captured before; capturing it again would loop.",
  );
  const passthrough = "The proxy delivers to the application from this address; capturing that would loop.";
  for (const family of ["ipv4", "ipv6"] as const) {
    const matches: readonly Match[] = [tcp, from(PASSTHROUGH_SOURCE[family]), fromInterface("lo")];
    rules.insertIn([family], 2, "mangle", CHAIN.inbound, matches, { kind: "return" }, passthrough);
  }
  rules.insert(
    3,
    "mangle",
    CHAIN.inbound,
    [tcp, fromInterface("lo"), { kind: "mark", value: OUTBOUND_MARK, negated: true }],
    { kind: "return" },
    "The application calls itself by its own address; only what the proxy sent is captured.",
  );
}
