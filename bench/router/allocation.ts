/** Prints the bytes that one decision allocates: heap used over 100,000 of them, with room enough that nothing is collected. */
import { PerformanceObserver } from "node:perf_hooks";
import { routesOf, routing, tableOf } from "./matching.js";
import { prefix } from "./shapes.js";

const DECISIONS = 100_000;
const ROUTES = 1000;

const requests = [0, 500, 999].map((i) => prefix.request(i));
const decide = routing(tableOf(routesOf(prefix, ROUTES)), requests);
const operation = process.argv[2] === "decide" ? decide : () => requests.length;

let collections = 0;
new PerformanceObserver((list) => {
  collections += list.getEntries().length;
}).observe({ entryTypes: ["gc"] });

let sum = 0;
// Warm until V8 has optimised it: what the interpreter boxes is no part of the decision.
for (let i = 0; i < 2 * DECISIONS; i++) sum += Number(operation());
globalThis.gc?.();
await new Promise((resolve) => setTimeout(resolve, 50));
collections = 0;
const before = process.memoryUsage().heapUsed;
for (let i = 0; i < DECISIONS; i++) sum += Number(operation());
const used = process.memoryUsage().heapUsed - before;
await new Promise((resolve) => setTimeout(resolve, 50));
if (collections > 0 || sum < 0) throw new Error("something was collected in between");
console.log((used / DECISIONS).toFixed(1));
