/** Many delta clients in a process of their own: they subscribe, acknowledge, and keep nothing. */
import { Client, credentials } from "@grpc/grpc-js";

const PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
const ENDPOINTS = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";

const [port = "", count = "0", names = "0", reading = "read"] = process.argv.slice(2);

const open: Client[] = [];
let waiting = Number(count);
for (let index = 0; index < Number(count); index++) {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  open.push(client);
  const call = client.makeBidiStreamRequest(PATH, same, same);
  let answered = false;
  call.on("data", (response: Buffer) => {
    call.write(Buffer.concat([text(2, ENDPOINTS), text(6, nonceOf(response))]));
    if (answered) return;
    if (reading === "stall") call.pause();
    answered = true;
    waiting--;
    if (waiting === 0) process.send?.({ ready: true });
  });
  call.on("error", () => process.exit(0));
  const node = text(1, `n${index}`);
  const subscriptions = Array.from({ length: Number(names) }, (_, name) => text(3, `e${name}`));
  call.write(Buffer.concat([Buffer.from([0x0a, node.length]), node, text(2, ENDPOINTS), ...subscriptions]));
}
process.once("disconnect", () => process.exit(0));

function same(message: Buffer): Buffer {
  return message;
}

/** A string field of fewer than 128 bytes. */
function text(field: number, value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([field * 8 + 2, bytes.length]), bytes]);
}

/** Field 5 of a DeltaDiscoveryResponse. */
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
