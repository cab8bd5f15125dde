/** The trust domain of the shop. */
export const TRUST_DOMAIN = "shop.example";

/** One workload: an application with its sidecar, or a sidecar alone. */
export interface Pod {
  /** Its name, which is also the node id of its sidecar and names its file in `config/sidecars`. */
  readonly name: string;
  /** The service account: the last part of its SPIFFE ID. */
  readonly account: string;
  /** Which application runs in it; none in the gateway. */
  readonly app?: "front" | "catalog" | "reviews" | "ratings";
  /** The application's version, where there are several. */
  readonly version?: string;
  /** The first port of its block; see {@link port}. */
  readonly base: number;
}

/** What listens on the ports of a pod; the numbers are added to the first port of its block. */
const OFFSETS = { outbound: 1, inbound: 6, outboundTcp: 11, inboundTcp: 16, appTcp: 70, app: 80, admin: 90 } as const;

/** The workloads of the shop, in the order in which they are started. */
export const PODS: readonly Pod[] = [
  { name: "catalog", account: "catalog", app: "catalog", base: 20300 },
  { name: "ratings", account: "ratings", app: "ratings", base: 20400 },
  { name: "reviews-v1", account: "reviews", app: "reviews", version: "v1", base: 20500 },
  { name: "reviews-v2", account: "reviews", app: "reviews", version: "v2", base: 20600 },
  { name: "reviews-v3", account: "reviews", app: "reviews", version: "v3", base: 20700 },
  { name: "front", account: "front", app: "front", base: 20200 },
  { name: "gateway", account: "gateway", base: 20100 },
];

/** The workload that step 9 puts into a network namespace of its own; not part of the shop otherwise. */
export const VISITOR: Pod = { name: "visitor", account: "visitor", base: 20800 };

/** Ports of the control plane. */
export const CONTROL = { xds: 20010, xdsAdmin: 20014, ca: 20012, caAdmin: 20013 } as const;

/** The port of a pod that serves a purpose. */
export function port(pod: Pod, purpose: keyof typeof OFFSETS): number {
  return pod.base + OFFSETS[purpose];
}

/** Finds a pod by its name. */
export function pod(name: string): Pod {
  const found = PODS.find((each) => each.name === name);
  if (found === undefined) throw new TypeError(`no pod is called ${name}`);
  return found;
}

/** The SPIFFE ID of a pod. */
export function identityOf({ account }: Pod): string {
  return `spiffe://${TRUST_DOMAIN}/ns/shop/sa/${account}`;
}

/** Every port that must be free, with what will listen there. */
export function portsNeeded(): ReadonlyMap<number, string> {
  const ports = new Map<number, string>([
    [CONTROL.xds, "the control plane"],
    [CONTROL.xdsAdmin, "the control plane's admin"],
    [CONTROL.ca, "the certificate authority"],
    [CONTROL.caAdmin, "the certificate authority's admin"],
  ]);
  for (const each of PODS) {
    for (const purpose of ["outbound", "inbound", "outboundTcp", "inboundTcp", "appTcp", "app", "admin"] as const) {
      ports.set(port(each, purpose), `${each.name}'s ${purpose}`);
    }
  }
  return ports;
}
