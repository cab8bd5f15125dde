import type { Server } from "node:net";
import { parseArgs } from "node:util";
import { endWithParent, fail, ready } from "./child.js";
import { APPLICATIONS } from "./services/applications.js";
import { caller } from "./services/caller.js";
import { shopServer } from "./services/shop-server.js";
import { ticker } from "./services/ticker.js";

const { values } = parseArgs({
  options: {
    app: { type: "string" },
    version: { type: "string", default: "v1" },
    port: { type: "string" },
    "outbound-port": { type: "string" },
    "tcp-port": { type: "string" },
  },
});

const application = APPLICATIONS[values.app ?? ""];
if (application === undefined) fail(`--app: expected one of ${Object.keys(APPLICATIONS).join(", ")}`);

const call = caller(Number(values["outbound-port"]));
const servers: Server[] = [
  await listen(
    shopServer(`${values.app} ${values.version}`, (request) => application(request, call, values.version)),
    Number(values.port),
  ),
];
if (values["tcp-port"] !== undefined) servers.push(await listen(ticker(), Number(values["tcp-port"])));

endWithParent(() => {
  for (const server of servers) server.close();
});
ready();

function listen<S extends Server>(server: S, port: number): Promise<S> {
  return new Promise((resolve) => server.once("error", fail).listen(port, "127.0.0.1", () => resolve(server)));
}
