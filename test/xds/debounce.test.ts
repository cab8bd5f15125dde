import { expect, test, vi } from "vitest";
import { ISTIO_DEBOUNCE, noteChange, QUIET } from "../../packages/xds/src/debounce.js";
import { linearCache } from "../../packages/xds/src/linear-cache.js";
import { debouncedCache } from "../../packages/xds/src/shell/debounced-cache.js";
import { opaque, plainDigest, T } from "./opaque.js";

test("F3: changes are told after 100 ms of quiet", () => {
  let state = noteChange(QUIET, ISTIO_DEBOUNCE, 0);
  expect(state.due).toBe(100);
  state = noteChange(state, ISTIO_DEBOUNCE, 60);
  expect(state.due).toBe(160);
});

test("F3: without a quiet moment they are told after 10 s", () => {
  let state = noteChange(QUIET, ISTIO_DEBOUNCE, 0);
  for (let now = 50; now < 10_000; now += 50) state = noteChange(state, ISTIO_DEBOUNCE, now);
  expect(state.due).toBe(10_000);
});

test("F3: a hundred changes in a second are told at most ten times, and the last state is there", () => {
  vi.useFakeTimers();
  try {
    const cache = linearCache(T.EDS, { encode: () => opaque(T.EDS, "never"), digest: plainDigest });
    const debounced = debouncedCache(cache);
    const changed = vi.fn();
    using _interest = debounced.subscribe({ id: "n", cluster: "" }, changed);
    for (let change = 0; change < 100; change++) {
      cache.update([opaque(T.EDS, "a", String(change))]);
      vi.advanceTimersByTime(10);
    }
    vi.advanceTimersByTime(10_000);
    expect(changed.mock.calls.length).toBeLessThanOrEqual(10);
    expect(changed).toHaveBeenCalledWith([T.EDS]);
    expect(debounced.view({ id: "n", cluster: "" }, T.EDS)?.resources.get("a")?.version).toBe("v99");
  } finally {
    vi.useRealTimers();
  }
});
