import type { HeaderList } from "../request.js";

/** A field's first value in a list; `undefined` if absent. */
export function fieldOf(headers: HeaderList, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return headers[i + 1];
  return undefined;
}
