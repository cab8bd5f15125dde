import type { FlagSyntax } from "../pflag.js";

/** Flags of this program that istio-iptables does not have. */
export const EXTRA_FLAGS: readonly FlagSyntax[] = [{ long: "compat", type: "string" }];
