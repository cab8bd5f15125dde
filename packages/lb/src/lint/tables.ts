import { MAX_RING_SIZE } from "../hash-ring.js";
import { DEFAULT_TABLE_SIZE } from "../maglev-table.js";
import { countOf, type LintFinding, note, warning } from "./finding.js";

/** Below so many entries for each host their shares vary by more than a fifth. */
const FEW_ENTRIES = 20;
/** What Envoy's documentation asks of a Maglev table. */
const SLOTS_FOR_EACH = 100;

/** What the sizes of a ring mean for hosts of these weights. */
export function lintRing(
  options: { readonly minimumRingSize?: number; readonly maximumRingSize?: number },
  weights: readonly number[],
): LintFinding[] {
  const hosts = weights.length;
  if (hosts === 0) return [];
  const max = options.maximumRingSize ?? MAX_RING_SIZE;
  const min = options.minimumRingSize ?? 1024;
  const entries = ringEntries(weights, min, max);
  const without = entries.filter((count) => count === 0).length;
  if (without > 0) {
    const message = `${countOf(hosts)} and at most ${max} entries: ${countOf(without)} without any, which never get a request`;
    return [warning("ring-too-small", "ring_hash_lb_config.maximum_ring_size", message)];
  }
  const fewest = entries.reduce((least, count) => Math.min(least, count));
  if (fewest >= FEW_ENTRIES) return [];
  const spread = Math.round(100 / Math.sqrt(fewest));
  const message = `${countOf(hosts)} and ${min} entries: the lightest has ${fewest}, so its share varies by about ${spread} %`;
  return [note("ring-too-small", "ring_hash_lb_config.minimum_ring_size", message)];
}

/** Entries of each host; the arithmetic of the ring without its hashes. */
function ringEntries(weights: readonly number[], min: number, max: number): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const lightest = weights.reduce((least, weight) => Math.min(least, weight)) / sum;
  const scale = Math.min(Math.ceil(lightest * min) / lightest, max);
  let target = 0;
  let current = 0;
  return weights.map((weight) => {
    target += scale * (weight / sum);
    const before = current;
    current = Math.max(current, Math.ceil(target));
    return current - before;
  });
}

/** What the size of a Maglev table means for so many hosts. */
export function lintTable(options: { readonly tableSize?: number }, hosts: number): LintFinding[] {
  const size = options.tableSize ?? DEFAULT_TABLE_SIZE;
  const path = "maglev_lb_config.table_size";
  if (size < hosts) {
    const message = `${countOf(hosts)} and ${size} slots: at least ${countOf(hosts - size)} never get a request`;
    return [warning("table-too-small", path, message)];
  }
  if (size >= SLOTS_FOR_EACH * hosts) return [];
  const each = (size / hosts).toFixed(1);
  const message = `${countOf(hosts)} and ${size} slots: ${each} for each host; with fewer than ${SLOTS_FOR_EACH}, shares differ by more than a percent`;
  return [note("table-too-small", path, message)];
}
