import { parseArgs } from "node:util";
import { CertError } from "../errors.js";
import { caCommand, csrCommand } from "./ca.js";
import { inspect, verifyCommand } from "./inspect.js";
import { type Command, type Output, UsageError } from "./output.js";
import { version } from "./version.js";

const USAGE = `usage: weft-cert COMMAND [options]

  ca init FILE --trust-domain TD [--key-algorithm A] [--root-ttl S]   make a CA, print its root
  ca sign FILE CSR --id ID [--ttl S]                                  sign a request, print the chain
  ca roll FILE [status|prepare|activate|retire] [--force] [--dry-run] change the root, step by step
  ca bundle FILE [--json]                                             print what to trust
  csr --key-out FILE [--id ID] [--key-algorithm A]                    make a key and a request
  inspect FILE                                                        show certificates, requests, lists, bundles
  verify CHAIN --bundle TD=FILE [--bundle …] [--at TIME] [--json]     judge a chain: exit 0 accepted, 1 not
  explain CHAIN --bundle TD=FILE [--bundle …] [--at TIME]             judge it and say why
  fetch [--address A] [--out DIR] [--watch] [--timeout S]             take an identity from the Workload API
  serve --trust-domain TD [--store FILE] [--port P] [--tokens FILE] [--socket A --id ID]
                                                                      CA and Workload API in one process
  harness                                                             show a SPIFFE conformance suite what is decided here

FILE may be - for standard input. Exit: 0 done, 1 refused, 2 wrong use or bad input.

  weft-cert ca init ca.json --trust-domain example.org > root.pem
  weft-cert csr --key-out key.pem | weft-cert ca sign ca.json - --id spiffe://example.org/web > chain.pem
  weft-cert explain chain.pem --bundle example.org=root.pem
`;

// What speaks gRPC is loaded only when it is asked for.
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  ca: async () => caCommand,
  csr: async () => csrCommand,
  inspect: async () => inspect,
  verify: async () => verifyCommand(false),
  explain: async () => verifyCommand(true),
  fetch: async () => (await import("./endpoint.js")).fetchCommand,
  harness: async () => (await import("./harness.js")).harnessCommand,
  serve: async () => (await import("./endpoint.js")).serveCommand,
};

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const OPTIONS = {
  "trust-domain": text,
  "key-algorithm": text,
  "root-ttl": text,
  id: text,
  ttl: text,
  "key-out": text,
  at: text,
  address: text,
  out: text,
  timeout: text,
  store: text,
  port: text,
  tokens: text,
  socket: text,
  bundle: { type: "string", multiple: true },
  force: flag,
  "dry-run": flag,
  json: flag,
  watch: flag,
  help: { type: "boolean", short: "h" },
  version: flag,
} as const;

/** Runs one command and gives its exit code. */
export async function main(args: readonly string[], output: Output): Promise<number> {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
    if (values.version) {
      output.stdout(`${version()}\n`);
      return 0;
    }
    const [name, ...rest] = positionals;
    if (values.help || name === undefined) {
      (values.help ? output.stdout : output.stderr)(USAGE);
      return values.help ? 0 : 2;
    }
    const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (!load) throw new UsageError(`${name}: no such command, see weft-cert --help`);
    const command = await load();
    return await command({ values, positionals: rest }, output);
  } catch (error) {
    const { code, message, syscall } = error as NodeJS.ErrnoException;
    const misparsed = code?.startsWith("ERR_PARSE_ARGS");
    const system = syscall !== undefined;
    if (!(error instanceof CertError || error instanceof UsageError || misparsed || system)) throw error;
    // Node's words, up to the advice that follows them.
    output.stderr(`${misparsed ? message.split(/\.\s|\n/)[0] : message}\n`);
    return 2;
  }
}
