/** Many delta clients in a process of their own: they subscribe, acknowledge, and say when all of them have done so. */
import { Client, credentials } from "@grpc/grpc-js";
import { ENDPOINTS, text } from "./fan-wire.js";

const PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

const [port = "", count = "0"] = process.argv.slice(2);
const node = text(1, "fan");
const first = Buffer.concat([Buffer.from([0x0a, node.length]), node, text(2, ENDPOINTS), text(3, "e0")]);
let answered = 0;
for (let index = 0; index < Number(count); index++) {
  // A subchannel pool of its own gives each client a connection.
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  const call = client.makeBidiStreamRequest(PATH, same, same);
  call.on("data", (response: Buffer) => {
    call.write(Buffer.concat([text(2, ENDPOINTS), text(6, nonceOf(response))]));
    answered++;
    if (answered % Number(count) === 0) process.send?.("all");
  });
  call.on("error", () => process.exit(0));
  call.write(first);
}
process.once("disconnect", () => process.exit(0));

function same(message: Buffer): Buffer {
  return message;
}

/** Field 5 of a DeltaDiscoveryResponse, all of whose fields have a length. */
function nonceOf(response: Buffer): string {
  let at = 0;
  while (at < response.length) {
    const tag = response[at++] ?? 0;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = response[at++] ?? 0;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    if (tag === 0x2a) return response.toString("utf8", at, at + length);
    at += length;
  }
  return "";
}
