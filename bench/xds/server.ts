/** A server in a process of its own, for figures of memory: it says its port, and on each message its resident set. */
import { setTimeout as sleep } from "node:timers/promises";
import { barePublisher, ourPublisher } from "./rig.js";

const [kind = "", clients = "0", bytes = "0", names = "1"] = process.argv.slice(2);
const size = Number(bytes);
const publisher =
  kind === "ours"
    ? await ourPublisher(Number(clients), size, Number(names))
    : await barePublisher(Number(clients), size);

let peak = 0;
const timer = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage().rss);
}, 5);
timer.unref();

process.on("message", (message: { readonly resize?: number }) => void answer(message));
process.once("disconnect", () => process.exit(0));
process.send?.({ port: publisher.port });

/** Settles and tells the resident set, or sends a resource of another size to everybody and tells the highest one. */
async function answer({ resize }: { readonly resize?: number }): Promise<void> {
  if (resize === undefined) {
    for (let round = 0; round < 3; round++) {
      globalThis.gc?.();
      await sleep(150);
    }
    process.send?.({ rss: process.memoryUsage().rss });
    return;
  }
  peak = 0;
  await publisher.change(resize);
  process.send?.({ rss: Math.max(peak, process.memoryUsage().rss) });
}
