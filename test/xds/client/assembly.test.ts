import { describe, expect, test } from "vitest";
import { assemble } from "../../../packages/xds/src/client/assembly.js";
import { type ClientEntry, type ClientType, openClientType } from "../../../packages/xds/src/client/entry.js";
import type { ConfigSet } from "../../../packages/xds/src/config-set.js";
import { referencesOf } from "../../../packages/xds/src/references.js";
import { T } from "../opaque.js";

const NO_BYTES = new Uint8Array();

/** The state of the types, as far as a test sets it. */
class World {
  readonly #types = new Map<string, ClientType>();

  /** A type that was answered with these messages. */
  answer(typeUrl: string, messages: Readonly<Record<string, object | undefined>>): this {
    const entries = new Map<string, ClientEntry>();
    for (const [name, message] of Object.entries(messages)) {
      const accepted = { version: "1", value: NO_BYTES, message };
      entries.set(name, message === undefined ? { status: "requested" } : { status: "acked", accepted });
    }
    this.#types.set(typeUrl, { ...openClientType(typeUrl), answered: true, entries });
    return this;
  }

  /** A name that is known not to exist. */
  missing(typeUrl: string, name: string): this {
    const type = this.#types.get(typeUrl) ?? openClientType(typeUrl);
    this.#types.set(typeUrl, { ...type, entries: new Map(type.entries).set(name, { status: "timeout" }) });
    return this;
  }

  assemble(previous?: ConfigSet) {
    return assemble(previous, {
      type: (typeUrl) => this.#types.get(typeUrl),
      references: (typeUrl, message) => referencesOf(typeUrl, message, () => undefined),
    });
  }
}

const eds = (name: string, version = 1) => ({ name, type: "EDS", edsClusterConfig: {}, altStatName: String(version) });
const assignment = (clusterName: string, version = 1) => ({ clusterName, endpoints: [{ priority: version }] });
const listener = (name: string, route: string) => ({
  name,
  filterChains: [{ filters: [{ typedConfig: { typeUrl: "hcm", message: { rds: { routeConfigName: route } } } }] }],
});
const route = (name: string, cluster: string) => ({
  name,
  virtualHosts: [{ routes: [{ route: { weightedClusters: { clusters: [{ name: cluster }] } } }] }],
});

function complete(): World {
  return new World()
    .answer(T.CDS, { a: eds("a") })
    .answer(T.EDS, { a: assignment("a") })
    .answer(T.LDS, { l: listener("l", "r") })
    .answer(T.RDS, { r: route("r", "a") });
}

function complain(): never {
  throw new Error("a set was expected");
}

describe("client, complete sets", () => {
  test("nothing is known before listeners and clusters were answered", () => {
    const { set, wanted } = new World().answer(T.CDS, {}).assemble();
    expect(set).toBeUndefined();
    expect(wanted.get(T.EDS)?.size).toBe(0);
  });

  test("what is referred to is asked for, and the first set waits for it", () => {
    const world = new World().answer(T.CDS, { a: eds("a") }).answer(T.LDS, { l: listener("l", "r") });
    const { set, wanted, waiting } = world.assemble();
    expect(set).toBeUndefined();
    expect(waiting).toEqual(["a", "l"]);
    expect([...(wanted.get(T.EDS) ?? [])]).toEqual(["a"]);
    expect([...(wanted.get(T.RDS) ?? [])]).toEqual(["r"]);
  });

  test("listeners come with their routes, clusters with their endpoints, and all is added at first", () => {
    const set = complete().assemble().set ?? complain();
    expect(set.listeners.get("l")?.routes.get("r")).toEqual(route("r", "a"));
    expect(set.clusters.get("a")?.endpoints).toEqual(assignment("a"));
    expect(set.changes.map(({ kind, name, change }) => `${change} ${kind} ${name}`)).toEqual([
      "added cluster a",
      "added endpoints a",
      "added listener l",
      "added route r",
    ]);
  });

  test("a change of endpoints leaves the identity of everything else", () => {
    const before = complete().assemble().set ?? complain();
    const changed = complete().answer(T.EDS, { a: assignment("a", 2) });
    const world = new World().answer(T.EDS, { a: assignment("a", 2) });
    for (const typeUrl of [T.CDS, T.LDS, T.RDS]) {
      const messages: Record<string, object> = {};
      if (typeUrl === T.CDS) messages["a"] = before.clusters.get("a")?.cluster ?? {};
      if (typeUrl === T.LDS) messages["l"] = before.listeners.get("l")?.listener ?? {};
      if (typeUrl === T.RDS) messages["r"] = before.listeners.get("l")?.routes.get("r") ?? {};
      world.answer(typeUrl, messages);
    }
    const after = world.assemble(before).set ?? complain();
    expect(after.changes).toEqual([{ kind: "endpoints", name: "a", change: "updated" }]);
    expect(after.listeners.get("l")).toBe(before.listeners.get("l"));
    expect(after.clusters.get("a")).not.toBe(before.clusters.get("a"));
    expect(changed.assemble(before).set?.generation).toBe(2);
  });

  test("O4: a changed cluster stays in its old form until its new endpoints come", () => {
    const before = complete().assemble().set ?? complain();
    const renamed = { name: "a", type: "EDS", edsClusterConfig: { serviceName: "svc" } };
    const world = complete()
      .answer(T.CDS, { a: renamed })
      .answer(T.EDS, { a: assignment("a"), svc: undefined });
    const warming = world.assemble(before);
    expect(warming.set?.clusters.get("a")?.cluster).toEqual(eds("a"));
    expect([...(warming.wanted.get(T.EDS) ?? [])].sort()).toEqual(["a", "svc"]);
    world.answer(T.EDS, { svc: assignment("svc") });
    expect(world.assemble(before).set?.clusters.get("a")).toMatchObject({
      cluster: renamed,
      endpoints: { clusterName: "svc" },
    });
  });

  test("O4: a route that names a cluster still warming is held back, one that names an unknown cluster is not", () => {
    const before = complete().assemble().set ?? complain();
    const world = complete()
      .answer(T.CDS, { a: eds("a"), b: eds("b") })
      .answer(T.EDS, { a: assignment("a"), b: undefined })
      .answer(T.RDS, { r: route("r", "b") });
    expect(world.assemble(before).set?.listeners.get("l")?.routes.get("r")).toEqual(route("r", "a"));
    world.answer(T.EDS, { a: assignment("a"), b: assignment("b") });
    expect(world.assemble(before).set?.listeners.get("l")?.routes.get("r")).toEqual(route("r", "b"));
    world.answer(T.RDS, { r: route("r", "nowhere") });
    expect(world.assemble(before).set?.listeners.get("l")?.routes.get("r")).toEqual(route("r", "nowhere"));
  });

  test("O2: a deleted cluster stays as long as a route in the set refers to it", () => {
    const before = complete().assemble().set ?? complain();
    const world = complete().answer(T.CDS, {});
    expect(world.assemble(before).set?.clusters.has("a")).toBe(true);
    const after = world.answer(T.RDS, { r: route("r", "nowhere") }).assemble(before).set ?? complain();
    expect(after.clusters.has("a")).toBe(false);
    expect(after.changes).toContainEqual({ kind: "cluster", name: "a", change: "removed" });
  });

  test("E1: endpoints and routes that are known not to exist do not hold the set back", () => {
    const world = new World()
      .answer(T.CDS, { a: eds("a") })
      .answer(T.LDS, { l: listener("l", "r") })
      .missing(T.EDS, "a")
      .missing(T.RDS, "r");
    const set = world.assemble().set ?? complain();
    expect(set.clusters.get("a")).not.toHaveProperty("endpoints");
    expect(set.listeners.get("l")?.routes.size).toBe(0);
  });

  test("S6: endpoints that go silent keep their last form while their cluster stays", () => {
    const before = complete().assemble().set ?? complain();
    const world = complete().answer(T.EDS, {}).missing(T.EDS, "a");
    expect(world.assemble(before).set?.clusters.get("a")?.endpoints).toEqual(assignment("a"));
  });

  test("a cluster that is not EDS has its own endpoints or none", () => {
    const loadAssignment = assignment("s");
    const world = new World()
      .answer(T.LDS, {})
      .answer(T.CDS, { s: { name: "s", loadAssignment }, d: { name: "d", type: "LOGICAL_DNS" } });
    const set = world.assemble().set ?? complain();
    expect(set.clusters.get("s")?.endpoints).toBe(loadAssignment);
    expect(set.clusters.get("d")).not.toHaveProperty("endpoints");
  });
});
