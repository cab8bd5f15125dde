import { describe, expect, test, vi } from "vitest";
import { secretCache } from "../../packages/xds/src/secret-cache.js";
import { createSecretCache } from "../../packages/xds/src/shell/secret-cache.js";
import { opaque, plainDigest, T } from "./opaque.js";

function supply() {
  const listeners = new Set<() => void>();
  let secrets: Readonly<Record<string, string>> = { default: "1", ROOTCA: "1", other: "1" };
  return {
    get: (name: string) => secrets[name],
    names: () => Object.keys(secrets),
    watch(listener: () => void) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => listeners.delete(listener) };
    },
    rotate(next: Readonly<Record<string, string>>) {
      secrets = next;
      for (const listener of listeners) listener();
    },
  };
}

const node = (id: string) => ({ id, cluster: "" });

describe("SDS", () => {
  test("a client gets what it is allowed, and of the rest not even the names", () => {
    const cache = secretCache(supply(), {
      allow: ({ id }, name) => id === "mine" && name !== "other",
      encode: ({ typeUrl, name, message }) => opaque(typeUrl, name, String(message)),
      digest: plainDigest,
    });
    expect([...(cache.view(node("mine"), T.SDS)?.resources.keys() ?? [])]).toEqual(["default", "ROOTCA"]);
    expect(cache.view(node("stranger"), T.SDS)?.resources.size).toBe(0);
    expect(cache.view(node("mine"), T.CDS)).toBeUndefined();
  });

  test("a rotation gives a new view to everybody who may have the secret", () => {
    const source = supply();
    const cache = secretCache(source, {
      allow: () => true,
      encode: ({ typeUrl, name, message }) => opaque(typeUrl, name, String(message)),
      digest: plainDigest,
    });
    const before = cache.view(node("a"), T.SDS);
    expect(cache.view(node("b"), T.SDS)).toBe(before);
    const changed = vi.fn();
    const interest = cache.subscribe(node("a"), changed);
    source.rotate({ default: "2" });
    expect(changed.mock.calls).toEqual([[[T.SDS]]]);
    expect(cache.view(node("a"), T.SDS)?.resources.get("default")?.version).toBe("v2");
    interest[Symbol.dispose]();
    source.rotate({ default: "3" });
    expect(changed).toHaveBeenCalledTimes(1);
  });

  test("secrets of plain data are encoded as Secret messages", () => {
    const inline = (text: string) => ({ inlineBytes: new TextEncoder().encode(text) });
    const message = { name: "default", tlsCertificate: { certificateChain: inline("c"), privateKey: inline("k") } };
    const cache = createSecretCache(
      { get: () => message, names: () => ["default"], watch: () => ({ [Symbol.dispose]: () => undefined }) },
      { allow: () => true },
    );
    expect(cache.view(node("a"), T.SDS)?.resources.get("default")?.value.length).toBeGreaterThan(10);
  });
});
