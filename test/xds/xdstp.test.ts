import { describe, expect, test } from "vitest";
import type { XdsError } from "../../packages/xds/src/errors.js";
import { createView } from "../../packages/xds/src/view.js";
import { canonicalName, formatXdstp, globOf, isGlob, parseXdstp } from "../../packages/xds/src/xdstp.js";
import { ClientHarness, wire } from "./client/stream.js";
import { opaque, plainDigest, T } from "./opaque.js";
import { ServerStream } from "./server/stream.js";

const LISTENER = "envoy.config.listener.v3.Listener";
const VARIANTS = [{ variant: "sotw" }, { variant: "delta" }] as const;

describe("N4: xdstp names", () => {
  test("N4: a locator is taken apart", () => {
    expect(
      parseXdstp(`xdstp://auth/${LISTENER}/a/b%3Fc?zone=z%26y&env=prod#alt=xdstp://o/T/i%23x,entry=front`),
    ).toEqual({
      authority: "auth",
      resourceType: LISTENER,
      id: "a/b?c",
      context: Object.assign(Object.create(null), { zone: "z&y", env: "prod" }),
      directives: [{ alt: "xdstp://o/T/i#x" }, { entry: "front" }],
    });
  });

  test.each([
    { same: true, a: `xdstp://x/${LISTENER}/id?a=1&b=2`, b: `xdstp://x/${LISTENER}/id?b=2&a=1` },
    { same: true, a: `xdstp:///${LISTENER}/id`, b: `xdstp:///${LISTENER}/id` },
    { same: false, a: `xdstp://x/${LISTENER}/id?a=1`, b: `xdstp://x/${LISTENER}/id` },
    { same: false, a: `xdstp://x/${LISTENER}/id`, b: `xdstp://y/${LISTENER}/id` },
    { same: true, a: `xdstp://x/${LISTENER}/id?a=%61`, b: `xdstp://x/${LISTENER}/id?a=a` },
  ])("N4: $a and $b are equal: $same", ({ a, b, same }) => {
    expect(canonicalName(a) === canonicalName(b)).toBe(same);
    expect(formatXdstp(parseXdstp(canonicalName(a)))).toBe(canonicalName(a));
  });

  test.each([
    { name: "xdstp://x" },
    { name: `xdstp://x/${LISTENER}` },
    { name: `xdstp://x/${LISTENER}/id?novalue` },
    { name: `xdstp://x/${LISTENER}/id?a=%zz` },
    { name: `xdstp://x/${LISTENER}/id#alt=xdstp://a/b/c,alt=xdstp://a/b/d` },
    { name: `xdstp://x/${LISTENER}/id#other=1` },
  ])("N4: $name is no such name", ({ name }) => {
    expect(() => parseXdstp(name)).toThrow(expect.objectContaining({ code: "ERR_XDS_NAME_INVALID" }) as XdsError);
    expect(canonicalName(name)).toBe(name);
  });

  test("N5: a name falls under the glob of its path and its context parameters", () => {
    expect(globOf(`xdstp://x/${LISTENER}/a/b?c=1`)).toBe(`xdstp://x/${LISTENER}/a/*?c=1`);
    expect(globOf(`xdstp://x/${LISTENER}/a/*`)).toBeUndefined();
    expect(globOf("a/b")).toBeUndefined();
    expect(isGlob(`xdstp://x/${LISTENER}/*`)).toBe(true);
    expect(isGlob("a/*")).toBe(false);
  });
});

const GLOB = `xdstp://x/${LISTENER}/shop/*?env=prod`;
const IN = `xdstp://x/${LISTENER}/shop/front?env=prod`;

describe.each(VARIANTS)("server, structured names, $variant", ({ variant }) => {
  const ask = (stream: ServerStream, typeUrl: string, names: readonly string[]) =>
    variant === "sotw" ? stream.sotw(typeUrl, names) : stream.delta(typeUrl, { subscribe: names });

  test("N4: a name is found whatever the order of its context parameters", () => {
    const stream = new ServerStream(variant);
    stream.set(T.RDS, { [`xdstp://x/T/r?a=1&b=2`]: "1" });
    expect(ask(stream, T.RDS, ["xdstp://x/T/r?b=2&a=1"])).toMatchObject([{ resources: ["xdstp://x/T/r?a=1&b=2=v1"] }]);
  });

  test("N5: a glob brings what lies directly under it with the same parameters, and what joins later", () => {
    const stream = new ServerStream(variant);
    const others = {
      [`xdstp://x/${LISTENER}/shop/deep/front?env=prod`]: "1",
      [`xdstp://x/${LISTENER}/shop/front?env=test`]: "1",
      [`xdstp://x/${LISTENER}/shop/front`]: "1",
      plain: "1",
    };
    stream.set(T.LDS, { [IN]: "1", ...others });
    expect(ask(stream, T.LDS, [GLOB])).toMatchObject([{ resources: [`${IN}=v1`], removed: [] }]);
    const back = `xdstp://x/${LISTENER}/shop/back?env=prod`;
    const sent = stream.publish(T.LDS, { [IN]: "1", [back]: "1", ...others });
    const full = variant === "sotw" ? [`${back}=v1`, `${IN}=v1`] : [`${back}=v1`];
    expect(sent).toMatchObject([{ resources: full }]);
    // Gone by name in delta, by absence from the full set in state of the world.
    const without = stream.publish(T.LDS, { [back]: "1", ...others });
    expect(without).toMatchObject([variant === "sotw" ? { resources: [`${back}=v1`] } : { removed: [IN] }]);
  });

  test("D11: an alias counts as a name of the subscription", () => {
    const stream = new ServerStream(variant);
    const host = opaque(T.RDS, "routes/host", "1", { aliases: ["routes/alias"] });
    stream.setView(createView(T.RDS, new Map([[host.name, host]]), plainDigest));
    expect(ask(stream, T.RDS, ["routes/alias"])).toMatchObject([{ resources: ["routes/host=v1"], removed: [] }]);
    const next = { ...host, version: "v2" };
    stream.setView(createView(T.RDS, new Map([[host.name, next]]), plainDigest));
    expect(stream.flush([T.RDS])).toMatchObject([{ resources: ["routes/host=v2"] }]);
  });
});

describe("server, delta only", () => {
  test("N5: an empty collection is answered with the glob among the removed", () => {
    const stream = new ServerStream("delta");
    stream.set(T.LDS, { plain: "1" });
    expect(stream.delta(T.LDS, { subscribe: [GLOB] })).toMatchObject([{ resources: [], removed: [GLOB] }]);
    expect(stream.publish(T.LDS, { [IN]: "1" })).toMatchObject([{ resources: [`${IN}=v1`] }]);
  });

  test("D3, N5: what a client says it holds of a glob is not sent again, what is gone of it is removed", () => {
    const stream = new ServerStream("delta");
    const gone = `xdstp://x/${LISTENER}/shop/gone?env=prod`;
    stream.set(T.LDS, { [IN]: "1" });
    const initialResourceVersions = new Map([
      [IN, "v1"],
      [gone, "v1"],
    ]);
    expect(stream.delta(T.LDS, { subscribe: [GLOB], initialResourceVersions })).toMatchObject([
      { resources: [], removed: [gone] },
    ]);
  });

  test("N3: one endpoint of a collection changes and only it is sent", () => {
    const LEDS = "type.googleapis.com/envoy.config.endpoint.v3.LbEndpoint";
    const name = (host: string) => `xdstp://x/envoy.config.endpoint.v3.LbEndpoint/shop/${host}`;
    const stream = new ServerStream("delta");
    const hosts = Object.fromEntries(Array.from({ length: 10_000 }, (_, host) => [name(`h${host}`), "1"]));
    stream.set(LEDS, hosts);
    const sent = stream.delta(LEDS, { subscribe: [name("*")] });
    expect(sent.flatMap(({ resources }) => resources)).toHaveLength(10_000);
    expect(stream.publish(LEDS, { ...hosts, [name("h7")]: "2" })).toMatchObject([{ resources: [`${name("h7")}=v2`] }]);
  });
});

describe.each(VARIANTS)("client, structured names, $variant", ({ variant }) => {
  test("N4: a resource is taken under the name that was asked for, whatever its spelling", () => {
    const client = new ClientHarness(variant);
    client.connect();
    client.want(T.RDS, "xdstp://x/T/r?a=1&b=2");
    client.respond(T.RDS, { "xdstp://x/T/r?b=2&a=1": "1" });
    expect(client.held(T.RDS)).toEqual({ "xdstp://x/T/r?a=1&b=2": "1" });
  });

  test("N5: a glob is answered by what lies under it; other resources are ignored", () => {
    const client = new ClientHarness(variant);
    client.connect();
    client.want(T.RDS, GLOB);
    client.respond(T.RDS, { [IN]: "1", [`xdstp://x/${LISTENER}/other?env=prod`]: "1" });
    expect(client.held(T.RDS)).toEqual({ [IN]: "1" });
    client.advance(20_000);
    expect(client.entry(T.RDS, GLOB)?.status).toBe("acked");
  });

  test("N5: silence about a glob is absence after the timer", () => {
    const client = new ClientHarness(variant);
    client.connect();
    client.want(T.RDS, GLOB);
    client.advance(20_000);
    expect(client.entry(T.RDS, GLOB)?.status).toBe("timeout");
  });
});

describe("client, delta only", () => {
  test("D11: an alias that was asked for stands for the resource, until it is removed", () => {
    const client = new ClientHarness("delta");
    client.connect();
    client.want(T.VHDS, "routes/alias");
    client.respond(T.VHDS, {}, { resources: [wire(T.VHDS, "routes/host", "1", { aliases: ["routes/alias"] })] });
    expect(client.held(T.VHDS)).toEqual({ "routes/host": "1" });
    expect(client.entry(T.VHDS, "routes/alias")?.status).toBe("acked");
    client.respond(T.VHDS, {}, { removed: ["routes/host"] });
    expect(client.held(T.VHDS)).toEqual({});
    expect(client.entry(T.VHDS, "routes/alias")?.status).toBe("does-not-exist");
  });

  test("N3: endpoints of a collection are followed one by one", () => {
    const LEDS = "type.googleapis.com/envoy.config.endpoint.v3.LbEndpoint";
    const client = new ClientHarness("delta");
    client.connect();
    client.want(LEDS, "xdstp://x/T/shop/*");
    client.respond(LEDS, { "xdstp://x/T/shop/h1": "1", "xdstp://x/T/shop/h2": "1" });
    client.respond(LEDS, { "xdstp://x/T/shop/h2": "2" });
    client.respond(LEDS, {}, { removed: ["xdstp://x/T/shop/h1"] });
    expect(client.held(LEDS)).toEqual({ "xdstp://x/T/shop/h2": "2" });
  });
});
