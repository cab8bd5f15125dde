/** What the example sidecar does when listeners come, move and go. */
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { noIdentity } from "@weftmesh/cert";
import type { ConfigSet } from "@weftmesh/xds";
import { describe, expect, test } from "vitest";
import { runSidecar } from "weftmesh-example-sidecar";
import { freePort, http, listener } from "./sidecar-config.js";

describe("listeners that change", () => {
  const answering = (name: string, port: number) =>
    listener(name, port, http([{ match: { prefix: "/" }, direct_response: { status: 204 } }]), false);
  const status = async (port: number) => {
    try {
      const asked = httpRequest({ port, host: "127.0.0.1", headers: { host: "reviews" }, agent: false }).end();
      const [answer] = (await once(asked, "response")) as [IncomingMessage];
      answer.resume();
      return answer.statusCode;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    }
  };

  test("move, take another's place, and do without a port that is taken", async () => {
    const [first, second] = [await freePort(), await freePort()];
    const busy = createServer().listen(0, "127.0.0.1");
    await once(busy, "listening");
    const taken = (busy.address() as AddressInfo).port;
    const steps: readonly (readonly [string, number])[][] = [
      [["a", first]],
      [["b", first]],
      [["b", second]],
      [
        ["b", second],
        ["c", taken],
      ],
    ];
    const counted: string[] = [];
    const seenPorts: unknown[] = [];
    async function* configs(): AsyncGenerator<ConfigSet> {
      for (const [generation, step] of steps.entries()) {
        const secrets = new Map();
        const listeners = new Map(
          step.map(([name, port]) => [name, { name, listener: answering(name, port), routes: new Map(), secrets }]),
        );
        yield { generation, changes: [], listeners, clusters: new Map() };
        seenPorts.push([await status(first), await status(second)]);
      }
    }
    await runSidecar(configs(), { identity: noIdentity, count: (name) => counted.push(name) });
    expect(seenPorts).toEqual([
      [204, "ECONNREFUSED"],
      [204, "ECONNREFUSED"],
      ["ECONNREFUSED", 204],
      ["ECONNREFUSED", 204],
    ]);
    expect(counted).toContain("listener_create_failure");
    busy.close();
  });
});
