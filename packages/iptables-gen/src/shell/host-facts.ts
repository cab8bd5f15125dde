import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import type { HostFacts } from "../host.js";
import { ipAddresses } from "./ip-addresses.js";

/** What this machine says about itself; `resolvConf` is the file name servers are read from. Addresses are in the order of a netlink dump: all IPv4, then all IPv6. */
export function hostFacts(resolvConf = "/etc/resolv.conf"): HostFacts {
  return {
    addresses() {
      const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
      const of = (family: string): string[] =>
        all.filter((one) => one.family === family).map((one) => one.cidr ?? one.address);
      const found = [...of("IPv4"), ...of("IPv6")];
      // node leaves out interfaces without a carrier, whose addresses count for the original.
      return all.every(({ internal }) => internal) ? ipAddresses() : found;
    },
    resolvConf() {
      try {
        return readFileSync(resolvConf, "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
        throw new Error(`open ${resolvConf}: no such file or directory`, { cause: error });
      }
    },
    userId(name) {
      try {
        for (const line of readFileSync("/etc/passwd", "utf8").split("\n")) {
          const [user, , uid] = line.split(":");
          if (user === name) return uid;
        }
      } catch {
        // A machine without the file has no such user.
      }
      return undefined;
    },
  };
}
