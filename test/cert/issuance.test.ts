import { createCa, createCsr, SpiffeId } from "@weftmesh/cert";
import { expect, test } from "vitest";
import { heapBytes } from "./mutation.js";

const web = SpiffeId.parse("spiffe://td.test/ns/shop/sa/web");

test("10,000 issuances leave nothing behind and share no serial number", { timeout: 120_000 }, async () => {
  const ca = createCa({ trustDomain: "td.test" });
  const requests = Array.from({ length: 50 }, () => createCsr());
  const serials = new Set<string>();
  const issue = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i += 20) {
      const some = requests.slice(0, 20).map(({ der }) => ca.signAsync(der, web));
      for (const { serial } of await Promise.all(some)) serials.add(serial);
    }
  };
  await issue(2000);
  const before = heapBytes();
  await issue(8000);
  // 8,000 numbers of forty characters are about a megabyte; an SVID that is kept would be five kilobytes and more.
  expect(heapBytes() - before).toBeLessThan(4e6);
  expect(serials.size).toBe(10_000);
  expect([...serials].every((serial) => /^[4-7][0-9a-f]{39}$/.test(serial))).toBe(true);
});
