import { expect, test } from "vitest";
import { admit, openAdmission } from "../../../packages/xds/src/server/admission.js";

test("F3: a thousand streams at once are let in at the rate, in the order in which they came", () => {
  const config = { perSecond: 25 };
  let state = openAdmission(config, 0);
  const waits: number[] = [];
  for (let stream = 0; stream < 1000; stream++) {
    const next = admit(state, config, 0);
    state = next.state;
    waits.push(next.waitMs);
  }
  expect(waits.slice(0, 27)).toEqual([...Array.from({ length: 25 }, () => 0), 40, 80]);
  expect(waits.at(-1)).toBe(39_000);
});

test("F3: tokens come back with time, up to the burst", () => {
  const config = { perSecond: 10, burst: 2 };
  let { state } = admit(openAdmission(config, 0), config, 0);
  ({ state } = admit(state, config, 0));
  expect(admit(state, config, 0).waitMs).toBe(100);
  expect(admit(state, config, 100).waitMs).toBe(0);
  expect(admit(state, config, 60_000).state.tokens).toBe(1);
});
