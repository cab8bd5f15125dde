import { below, type Random } from "../clock.js";
import type { LoadList } from "../load-list.js";
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
  const check = new PolicyCheck(options);
  const { slowStart } = options;
  check
    .integer("choice_count", options.choiceCount, 2, 0xffffffff)
    .oneOf("selection_method", options.selection, ["with-replacement", "distinct", "full-scan"])
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
        draws: true,
        ...(options.locality && { locality: options.locality }),
        createPicker: (seed) =>
          createWeightedPicker({
            prePicks: seed,
            clock: env.clock,
            ...(slowStart && { slowStart }),
            ...(bias !== 0 && {
              adjust: (weight: number, active: number) => leastRequestWeight(weight, active, bias),
            }),
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

type Chooser = (list: LoadList, random: Random) => number;

function chooserOf(options: LeastRequestOptions): Chooser {
  const choiceCount = options.choiceCount ?? 2;
  switch (options.selection ?? "with-replacement") {
    case "with-replacement":
      return choiceCount === 2 ? leastOfTwo : (list, random) => leastOfDrawn(list, choiceCount, random);
    case "distinct":
      return createDistinctChooser(choiceCount);
    case "full-scan":
      return leastOfAll;
  }
}

function leastOfTwo(list: LoadList, random: Random): number {
  const { length } = list;
  const first = below(random, length);
  const second = below(random, length);
  return list.active(second) < list.active(first) ? second : first;
}

/** The first drawn of the least loaded among `choiceCount` draws, which may repeat. */
function leastOfDrawn(list: LoadList, choiceCount: number, random: Random): number {
  const { length } = list;
  let best = below(random, length);
  for (let draw = 1; draw < choiceCount; draw++) {
    const index = below(random, length);
    if (list.active(index) < list.active(best)) best = index;
  }
  return best;
}

/**
 * The same without repeats: a draw that was there before is drawn again, some times; a source of chance that keeps
 * repeating itself gets the next index. That is quick while fewer than half of the hosts are wanted; beyond that, all
 * are compared.
 */
function createDistinctChooser(choiceCount: number): Chooser {
  const drawn = new Uint32Array(Math.min(choiceCount, MAX_DISTINCT_CHOICES));
  return (list, random) => {
    const { length } = list;
    if (choiceCount > MAX_DISTINCT_CHOICES || 2 * choiceCount > length) return leastOfSample(list, choiceCount, random);
    let best = -1;
    for (let draw = 0; draw < choiceCount; draw++) {
      let index = below(random, length);
      for (let tries = 0; isAmong(drawn, draw, index); tries++) {
        index = tries < MAX_REDRAWS ? below(random, length) : (index + 1) % length;
      }
      drawn[draw] = index;
      if (best < 0 || list.active(index) < list.active(best)) best = index;
    }
    return best;
  };
}

/** Above this a list of what was drawn would be searched for too long. */
const MAX_DISTINCT_CHOICES = 32;

/** Half of the draws repeat at worst, so this many in a row do not happen by chance. */
const MAX_REDRAWS = 64;

function isAmong(drawn: Uint32Array, count: number, index: number): boolean {
  for (let i = 0; i < count; i++) if (drawn[i] === index) return true;
  return false;
}

/** One pass that takes each host with the chance that leaves exactly `choiceCount`; of equals each is as likely. */
function leastOfSample(list: LoadList, choiceCount: number, random: Random): number {
  const { length } = list;
  if (choiceCount >= length) return leastOfAll(list, random);
  let best = -1;
  let equals = 0;
  let wanted = choiceCount;
  for (let index = 0; wanted > 0 && index < length; index++) {
    if (random() * (length - index) >= wanted) continue;
    wanted -= 1;
    if (best < 0 || list.active(index) < list.active(best)) {
      best = index;
      equals = 1;
    } else if (list.active(index) === list.active(best)) {
      equals += 1;
      if (below(random, equals) === 0) best = index;
    }
  }
  return Math.max(best, 0);
}

/** The least loaded of all; of equals each is as likely. */
function leastOfAll(list: LoadList, random: Random): number {
  const { length } = list;
  let best = 0;
  let equals = 1;
  for (let index = 1; index < length; index++) {
    const active = list.active(index);
    const least = list.active(best);
    if (active < least) {
      best = index;
      equals = 1;
    } else if (active === least) {
      equals += 1;
      if (below(random, equals) === 0) best = index;
    }
  }
  return best;
}
