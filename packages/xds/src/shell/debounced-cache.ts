import type { Cache } from "../cache.js";
import { type DebounceConfig, ISTIO_DEBOUNCE, noteChange, QUIET } from "../debounce.js";

/**
 * A cache whose changes are told together: after a quiet moment, or after a bounded time if there is none (F3). Requests
 * are answered from the newest state all the same.
 *
 * @param config - Default: Istio's, 100 ms of quiet and at most 10 s.
 */
export function debouncedCache(cache: Cache, config: DebounceConfig = ISTIO_DEBOUNCE): Cache {
  return {
    view: (node, typeUrl) => cache.view(node, typeUrl),
    subscribe(node, changed) {
      let state = QUIET;
      let timer: NodeJS.Timeout | undefined;
      let typeUrls: Set<string> | "any" = new Set();
      const pass = (): void => {
        const told = typeUrls;
        state = QUIET;
        typeUrls = new Set();
        changed(told === "any" ? undefined : [...told]);
      };
      const interest = cache.subscribe(node, (touched) => {
        if (touched === undefined) typeUrls = "any";
        else if (typeUrls !== "any") for (const typeUrl of touched) typeUrls.add(typeUrl);
        const now = performance.now();
        state = noteChange(state, config, now);
        clearTimeout(timer);
        timer = setTimeout(pass, Math.max(0, (state.due ?? now) - now));
      });
      return {
        [Symbol.dispose]() {
          clearTimeout(timer);
          interest[Symbol.dispose]();
        },
      };
    },
  };
}
