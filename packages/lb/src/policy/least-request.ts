import { below, type Random } from "../clock.js";
import type { HostState } from "../host-state.js";
import type { LocalityMode } from "../locality-options.js";
import type { Policy } from "../policy.js";
import { PolicyCheck } from "../policy-check.js";
import type { SlowStartOptions } from "../slow-start.js";
import { sourceBalancer } from "../source-balancer.js";
import { createWeightedPicker } from "../weighted-picker.js";

/** How candidates are found: drawn as Envoy draws them, drawn without repeating one, or all of them. */
export type LeastRequestSelection = "with-replacement" | "distinct" | "full-scan";

/** Options of {@link leastRequest}. */
export interface LeastRequestOptions {
  /** Hosts to compare, at least 2. Default: 2. Not used by a full scan. */
  readonly choiceCount?: number;
  /** Default: `"with-replacement"`, which may draw the same host twice, as in Envoy. */
  readonly selection?: LeastRequestSelection;
  /**
   * With unequal weights a host counts weight / (active + 1)^bias. Default: 1, which negative values mean too; 0 is
   * plain weighted round robin.
   */
  readonly activeRequestBias?: number;
  /** Ramp for new hosts. Default: none. */
  readonly slowStart?: SlowStartOptions;
  /** How localities take part. Default: they do not. */
  readonly locality?: LocalityMode;
}

/**
 * The least loaded of a few random hosts; with unequal weights, a rotation which shrinks a host's share as its
 * requests pile up.
 *
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` with every option that is out of range.
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers#weighted-least-request
 */
export function leastRequest(options: LeastRequestOptions = {}): Policy {
  const { slowStart } = options;
  new PolicyCheck()
    .integer("choice_count", options.choiceCount, 2, 0xffffffff)
    .slowStart(slowStart)
    .locality(options.locality)
    .done();
  const choose = chooserOf(options);
  return {
    name: "least_request",
    options,
    balancer(hosts, env) {
      const bias = effectiveBias(options.activeRequestBias);
      return sourceBalancer(hosts, env, {
        name: "least_request",
        ...(options.locality && { locality: options.locality }),
        createPicker: (seed) =>
          createWeightedPicker({
            prePicks: seed,
            clock: env.clock,
            ...(slowStart && { slowStart }),
            adjust: (weight, host) => leastRequestWeight(weight, host.activeRequests, bias),
            unweighted: { pick: (list) => choose(list, env.random) },
          }),
      });
    },
  };
}

/** The bias that is used for a configured one: what is negative or not a number counts as 1. */
export function effectiveBias(bias = 1): number {
  return bias >= 0 ? bias : 1;
}

/** A host's weight once its active requests are taken into account. */
export function leastRequestWeight(weight: number, active: number, bias: number): number {
  if (bias === 0) return weight;
  return bias === 1 ? weight / (active + 1) : weight / (active + 1) ** bias;
}

type Chooser = (hosts: readonly HostState[], random: Random) => HostState;

function chooserOf(options: LeastRequestOptions): Chooser {
  const choiceCount = options.choiceCount ?? 2;
  switch (options.selection ?? "with-replacement") {
    case "with-replacement":
      return (hosts, random) => leastOfDrawn(hosts, choiceCount, random);
    case "distinct":
      return createDistinctChooser(choiceCount);
    case "full-scan":
      return leastOfAll;
  }
}

/** The first drawn of the least loaded among `choiceCount` draws, which may repeat. */
function leastOfDrawn(hosts: readonly HostState[], choiceCount: number, random: Random): HostState {
  let best = hosts[below(random, hosts.length)] as HostState;
  for (let draw = 1; draw < choiceCount; draw++) {
    const host = hosts[below(random, hosts.length)] as HostState;
    if (host.activeRequests < best.activeRequests) best = host;
  }
  return best;
}

/**
 * The same without repeats: a draw that was there before is drawn again. That is quick while fewer than half of the
 * hosts are wanted; beyond that, all are compared.
 */
function createDistinctChooser(choiceCount: number): Chooser {
  const drawn = new Uint32Array(Math.min(choiceCount, MAX_DISTINCT_CHOICES));
  return (hosts, random) => {
    if (choiceCount > MAX_DISTINCT_CHOICES || 2 * choiceCount > hosts.length)
      return leastOfSample(hosts, choiceCount, random);
    let best: HostState | undefined;
    for (let draw = 0; draw < choiceCount; draw++) {
      let index = below(random, hosts.length);
      while (isAmong(drawn, draw, index)) index = below(random, hosts.length);
      drawn[draw] = index;
      const host = hosts[index] as HostState;
      if (best === undefined || host.activeRequests < best.activeRequests) best = host;
    }
    return best as HostState;
  };
}

/** Above this a list of what was drawn would be searched for too long. */
const MAX_DISTINCT_CHOICES = 32;

function isAmong(drawn: Uint32Array, count: number, index: number): boolean {
  for (let i = 0; i < count; i++) if (drawn[i] === index) return true;
  return false;
}

/** One pass that takes each host with the chance that leaves exactly `choiceCount`; of equals each is as likely. */
function leastOfSample(hosts: readonly HostState[], choiceCount: number, random: Random): HostState {
  if (choiceCount >= hosts.length) return leastOfAll(hosts, random);
  let best: HostState | undefined;
  let equals = 0;
  let wanted = choiceCount;
  for (let index = 0; wanted > 0; index++) {
    if (random() * (hosts.length - index) >= wanted) continue;
    wanted -= 1;
    const host = hosts[index] as HostState;
    if (best === undefined || host.activeRequests < best.activeRequests) {
      best = host;
      equals = 1;
    } else if (host.activeRequests === best.activeRequests) {
      equals += 1;
      if (below(random, equals) === 0) best = host;
    }
  }
  return best as HostState;
}

/** The least loaded of all; of equals each is as likely. */
function leastOfAll(hosts: readonly HostState[], random: Random): HostState {
  let best = hosts[0] as HostState;
  let equals = 1;
  for (let index = 1; index < hosts.length; index++) {
    const host = hosts[index] as HostState;
    if (host.activeRequests < best.activeRequests) {
      best = host;
      equals = 1;
    } else if (host.activeRequests === best.activeRequests) {
      equals += 1;
      if (below(random, equals) === 0) best = host;
    }
  }
  return best;
}
