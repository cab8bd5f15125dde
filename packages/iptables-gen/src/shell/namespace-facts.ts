import { existsSync } from "node:fs";
import { basename } from "node:path";
import { IptablesError } from "../errors.js";
import type { HostFacts } from "../host.js";
import { hostFacts } from "./host-facts.js";
import { readIpAddresses } from "./ip-addresses.js";
import type { CommandRunner } from "./run-command.js";

/**
 * What a network namespace says about itself: addresses from `ip` run inside it, name servers from `/etc/netns/NAME/resolv.conf` where
 * that is, as `ip netns exec` has it.
 */
export function namespaceFacts(path: string, runner: CommandRunner, resolvConf?: string): HostFacts {
  const own = `/etc/netns/${basename(path)}/resolv.conf`;
  const machine = hostFacts(resolvConf ?? (existsSync(own) ? own : undefined));
  return {
    ...machine,
    addresses() {
      const { exitCode, stdout, stderr } = runner.run({ program: "ip", args: ["-j", "address", "show"] });
      if (exitCode !== 0) {
        const message = `cannot read the addresses of ${path}: ${stderr.trim() || "ip is not installed"}`;
        throw new IptablesError("ERR_IPTABLES_HOST_ADDRESS", message, { path: "--network-namespace" });
      }
      return readIpAddresses(stdout);
    },
  };
}
