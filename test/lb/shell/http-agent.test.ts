import { once } from "node:events";
import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { hostPicker } from "@weftmesh/lb";
import { afterEach, describe, expect, test } from "vitest";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function backend(status = 200): Promise<string> {
  const server = createServer((_, response) => response.writeHead(status).end(address()));
  const address = (): string => `127.0.0.1:${(server.address() as AddressInfo).port}`;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => server.close());
  return address();
}

describe("hostPicker", () => {
  test("gives node's own client its hosts in turn, over an agent that keeps connections", async () => {
    const [a, b] = [await backend(), await backend()];
    const agent = new Agent({ keepAlive: true });
    closers.push(() => agent.destroy());
    using pick = hostPicker([a, b]);
    const seen: string[] = [];
    for (let i = 0; i < 6; i++) {
      const { done, ...place } = pick();
      const [response] = await once(request({ agent, ...place, path: "/" }).end(), "response");
      let text = "";
      for await (const chunk of response) text += chunk;
      done({ result: "response", status: response.statusCode });
      seen.push(text);
    }
    expect(seen.slice(0, 2).sort()).toEqual([a, b].sort());
    expect(seen.slice(2)).toEqual([...seen.slice(0, 2), ...seen.slice(0, 2)]);
    expect(pick.cluster.stats()["upstream_rq_active"]).toBe(0);
  });

  test("a host that only fails is left out", async () => {
    const [good, bad] = [await backend(), await backend(500)];
    using pick = hostPicker({ hosts: [good, bad], outlierDetection: { consecutive5xx: 2, maxEjectionPercent: 50 } });
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) {
      const { done, ...place } = pick();
      const [response] = await once(request({ ...place, path: "/" }).end(), "response");
      response.resume();
      done({ result: "response", status: response.statusCode });
      statuses.push(response.statusCode);
    }
    expect(statuses.filter((status) => status === 500)).toHaveLength(2);
  });

  test("an IPv6 address loses its brackets, and no host is an error with its reason", () => {
    using pick = hostPicker(["[::1]:8080"]);
    expect(pick()).toMatchObject({ host: "::1", port: 8080 });
    pick.cluster.update({ replace: [{ hosts: ["/run/shop.sock"] }] });
    expect(pick()).toMatchObject({ socketPath: "/run/shop.sock" });
    pick.cluster.update({ replace: [{ hosts: ["shop"] }] });
    expect(pick()).toEqual({ host: "shop", done: expect.any(Function) });
    using none = hostPicker([]);
    expect(() => none()).toThrow(expect.objectContaining({ code: "ERR_LB_NO_HOST" }));
  });
});
