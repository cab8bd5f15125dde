import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { parseArgs } from "node:util";
import { discoveryTypeOf } from "../discovery-types.js";
import { createRelay } from "../shell/relay.js";
import {
  checkAddress,
  LISTEN_SCHEMES,
  type Surroundings,
  TARGET_SCHEMES,
  UsageError,
  wrongArguments,
} from "./surroundings.js";

/** `weft-xds monitor SERVER` */
export async function monitor(args: readonly string[], { stdout, signal }: Surroundings): Promise<number> {
  const { values, positionals } = parse(args);
  const [upstream] = positionals;
  if (upstream === undefined || positionals.length > 1) throw new UsageError("monitor: one server expected");
  checkAddress("monitor:", upstream, TARGET_SCHEMES);
  checkAddress("monitor: --listen", values.listen, LISTEN_SCHEMES);
  const journal = values.journal === undefined ? undefined : createWriteStream(values.journal);
  journal?.on("error", (error) => stdout(`${values.journal}: ${error.message}; no journal is written\n`));
  let count = 0;
  await using relay = createRelay({
    upstream,
    onEntry: (entry) => void journal?.write(`${JSON.stringify(entry)}\n`),
    onBreach: (breach) => {
      count++;
      const { rule, by, stream, node, typeUrl, message } = breach;
      const type = discoveryTypeOf(typeUrl)?.short ?? typeUrl;
      stdout(
        values.json
          ? `${JSON.stringify({ kind: "breach", ...breach })}\n`
          : `${rule} by the ${by}, stream ${stream} ${node} ${type}: ${message}\n`,
      );
    },
  });
  const port = await relay.listen(values.listen);
  const address = values.listen.startsWith("unix:") ? values.listen : values.listen.replace(/:\d+$/, `:${port}`);
  stdout(
    values.json
      ? `${JSON.stringify({ kind: "listening", address, upstream })}\n`
      : `relaying ${address} to ${upstream}\n`,
  );
  if (!signal.aborted) await once(signal, "abort");
  if (journal !== undefined) await new Promise<void>((resolve) => journal.end(() => resolve()));
  stdout(values.json ? `${JSON.stringify({ kind: "ended", breaches: count })}\n` : `${count} breaches\n`);
  return count > 0 && values.strict ? 1 : 0;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        listen: { type: "string", default: "127.0.0.1:15011" },
        journal: { type: "string" },
        strict: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw wrongArguments("monitor", error);
  }
}
