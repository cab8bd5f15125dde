import type { Locality } from "./host.js";

/** Identity of a locality as text, usable as a map key. */
export function localityKey(locality: Locality): string {
  return JSON.stringify([locality.region ?? "", locality.zone ?? "", locality.subZone ?? ""]);
}

/** Order in which Envoy lists localities: by region, then zone, then sub-zone. */
export function compareLocalities(a: Locality, b: Locality): number {
  return compareText(a.region, b.region) || compareText(a.zone, b.zone) || compareText(a.subZone, b.subZone);
}

function compareText(a = "", b = ""): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
