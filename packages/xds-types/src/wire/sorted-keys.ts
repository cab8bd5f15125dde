/** The keys of a record in code unit order, so that equal maps give equal bytes. Most maps are in order already. */
export function sortedKeys(map: object): readonly string[] {
  const keys = Object.keys(map);
  for (let index = 1; index < keys.length; index++) {
    if ((keys[index] ?? "") < (keys[index - 1] ?? "")) return keys.sort();
  }
  return keys;
}
