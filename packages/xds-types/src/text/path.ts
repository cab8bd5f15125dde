/** One step into a document: a key of a map, or an index of a list. */
export type PathSegment = string | number;

const segment = /(?:^|\.)([^.[\]]+)|\[([0-9]+)\]|\[("(?:[^"\\]|\\.)*")\]/y;

/** Reads `virtual_hosts[0].metadata["envoy.lb"].x`; as far as it is well formed. */
export function parsePath(path: string): readonly PathSegment[] {
  const segments: PathSegment[] = [];
  segment.lastIndex = 0;
  for (let match = segment.exec(path); match !== null; match = segment.exec(path)) {
    const [, name, index, quoted] = match;
    if (name !== undefined) segments.push(name);
    else if (index !== undefined) segments.push(Number(index));
    else if (quoted !== undefined) segments.push(unquote(quoted));
  }
  return segments;
}

function unquote(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    return text.slice(1, -1);
  }
}
