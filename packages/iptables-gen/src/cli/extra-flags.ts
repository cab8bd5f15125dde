import type { FlagSyntax } from "../pflag.js";

/** A flag of this program that istio-iptables does not have. */
export interface ExtraFlag extends FlagSyntax {
  /** What it does. */
  readonly help: string;
}

/** Flags every command takes beside istio's. */
export const EXTRA_FLAGS: readonly ExtraFlag[] = [
  {
    long: "compat",
    type: "string",
    help: "strict: exactly what istio-iptables does (default); fixed: its defects mended.",
  },
  {
    long: "strict-input",
    type: "bool",
    help: "Refuse ports, names and marks that the kernel's tools would refuse or misread.",
  },
  { long: "host-ip", type: "string", help: "Addresses of the host, comma separated, instead of this machine's." },
  { long: "resolv-conf", type: "string", help: "File to read name servers from instead of /etc/resolv.conf." },
  {
    long: "output",
    type: "string",
    help: "Print instead of applying: restore, restore6, commands, save, script, nft or json.",
  },
  { long: "json", type: "bool", help: "Print results as JSON." },
  { long: "version", type: "bool", help: "Print the version and the istio commit that is mirrored." },
];
