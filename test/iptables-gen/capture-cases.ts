import {
  type Backend,
  compileSettings,
  createWalker,
  fillFromHost,
  generate,
  type Packet,
  readFlags,
  type Surroundings,
  type Verdict,
  type Walker,
} from "@weftmesh/iptables-gen";
import { type Case, notUnderstood } from "../conformance/suite.js";
import { compareAll } from "./compare.js";

/** Where connections landed under the rules of the real program. */
export interface CaptureFile {
  readonly columns: readonly string[];
  readonly tests: readonly (readonly [who: string, destination: string, port: number, source: string | null])[];
  readonly cases: readonly {
    readonly config: string;
    readonly backend: string;
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string>>;
    readonly exit: number;
    readonly validationExit?: { readonly proxy: number; readonly root: number };
    readonly verdicts: readonly (readonly [who: string, originalDestination: string, peer: string])[];
  }[];
}

const POD: Surroundings = {
  interfaces: [
    { name: "eth0", addresses: ["10.0.0.5/24", "fd77::5/64"] },
    { name: "lo", addresses: ["::6/128"] },
  ],
};

const BACKENDS: Readonly<Record<string, Backend>> = {
  "iptables-nft": "iptables",
  "iptables-legacy": "iptables",
  "native-nftables": "nftables",
};

const OWNERS: Readonly<Record<string, Packet["owner"]>> = {
  app: { uid: "1000", gid: "1000" },
  proxy: { uid: "1337", gid: "1337" },
  root: { uid: "0", gid: "0" },
  gid1337: { uid: "1000", gid: "1337" },
};

/** One case a configuration, back end and connection. */
export function captureCases(file: CaptureFile): readonly Case[] {
  return file.cases.flatMap((one): readonly Case[] => {
    const name = `captures/${one.config}/${one.backend}`;
    const backend = BACKENDS[one.backend];
    if (backend === undefined) return [notUnderstood(name, `back end ${one.backend}`)];
    let walker: Walker | undefined;
    return file.tests.map((test, i): Case => {
      const [who, destination, port, source] = test;
      return {
        name: `${name}/${who}-${destination}-${port}${source === null ? "" : `-from-${source}`}`,
        run() {
          const expected = one.verdicts[i];
          walker ??= walkerFor(one.args, one.env, backend);
          const owner = OWNERS[who];
          if (expected === undefined || (owner === undefined && who !== "peer")) throw new Error("an unknown test");
          const verdict = walker.walk({
            protocol: "tcp",
            destination,
            destinationPort: port,
            ...(source === null ? {} : { source }),
            ...(owner === undefined ? {} : { owner }),
          });
          const got = listenerOf(verdict);
          const { address, port: originalPort } = verdict.originalDestination;
          const original = got === "refused" ? "" : `${address} ${originalPort}`;
          return compareAll(["verdict", expected[0], got], ["original destination", expected[1], original]);
        },
      };
    });
  });
}

function walkerFor(args: readonly string[], env: Readonly<Record<string, string>>, backend: Backend): Walker {
  const { settings, envoyUser } = readFlags(args, env, { compat: "strict" });
  const addresses = POD.interfaces.filter(({ name }) => name !== "lo").flatMap((one) => one.addresses);
  const host = { addresses: () => addresses, resolvConf: () => "nameserver 10.0.0.1\n", userId: () => undefined };
  const { options } = compileSettings(fillFromHost(settings, envoyUser, host), "strict");
  return createWalker({ rules: generate(options), backend }, POD);
}

const POD_PORTS: ReadonlySet<number> = new Set([80, 5432, 8080, 15001, 15006, 15008, 15020, 15021, 15090]);
const PEER_PORTS: ReadonlySet<number> = new Set([443, 5432, 9999]);

function listenerOf({ kind, port }: Verdict): string {
  if (kind === "dropped") return "dropped";
  const [name, ports] = kind === "sent" ? ["peer", PEER_PORTS] : ["pod", POD_PORTS];
  return ports.has(port) ? `${name}:${port}` : "refused";
}
