/** The control plane: serves the YAML of a folder over ADS, and takes what the story pushes. */
import { parseArgs } from "node:util";
import { createServer, createSnapshotCache, type Nack } from "@weftmesh/xds";
import { adminServer } from "./admin.js";
import { endWithParent, fail, ready } from "./child.js";
import { readConfig, snapshotOf } from "./config.js";
import { CONTROL, PODS, VISITOR } from "./layout.js";

const { values } = parseArgs({ options: { config: { type: "string", default: "" } } });

/** What the control plane tells on `GET /`. */
export interface ControlStatus {
  /** How often something was pushed. */
  readonly pushes: number;
  /** What was refused since the last push. */
  readonly nacks: readonly Nack[];
  /** Sidecars with a stream, and whether they have answered all that was sent to them. */
  readonly clients: readonly { readonly node: string; readonly settled: boolean }[];
}

async function main(): Promise<void> {
  const config = readConfig(values.config);
  const cache = createSnapshotCache();
  let nacks: Nack[] = [];
  let pushes = 0;

  function publish(step: string | undefined): void {
    const pushed = step === undefined ? [] : (config.story.get(step) ?? []);
    nacks = [];
    pushes++;
    for (const { name } of [...PODS, VISITOR]) cache.set(name, snapshotOf(config, name, pushed));
  }

  publish(undefined);
  const server = createServer({
    cache,
    onEvent: (event) => {
      if (event.kind === "nack") nacks.push(event.nack);
    },
  });
  await server.listen(`127.0.0.1:${CONTROL.xds}`);

  const status = (): ControlStatus => ({
    pushes,
    nacks,
    clients: server.clients().map(({ node, types }) => ({
      node: node.id,
      settled: types.every(({ sentVersion, ackedVersion, nack }) => sentVersion === ackedVersion || nack),
    })),
  });
  await adminServer(CONTROL.xdsAdmin, {
    "/": status,
    "/push": ({ step }) => publish(step === undefined ? undefined : String(step)),
  });
  endWithParent(() => server.close());
  ready();
}

main().catch(fail);
