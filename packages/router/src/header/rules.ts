import type { HeaderMutation as HeaderMutationMessage } from "@weftmesh/xds-types/envoy/config/common/mutation_rules/v3";
import { asciiLower, byteText } from "../ascii.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";
import { compileMutation, type HeaderMutation } from "./mutation.js";

/** Compiles a list of HeaderMutation messages, each one step of its own. */
export function compileHeaderMutations(
  mutations: readonly HeaderMutationMessage[],
  field: string,
  scope: Scope,
  surroundings: Surroundings,
): readonly HeaderMutation[] {
  const steps: HeaderMutation[] = [];
  mutations.forEach((mutation, i) => {
    const where = scope.item(field, i);
    if (mutation.remove !== undefined) {
      steps.push({ additions: [], removals: [asciiLower(byteText(mutation.remove))] });
      return;
    }
    if (mutation.append === undefined) {
      where.report("ERR_ROUTER_UNSUPPORTED", "expected append or remove");
      return;
    }
    const step = compileMutation([mutation.append], undefined, "request", where, surroundings);
    if (step !== undefined) steps.push(step);
  });
  return steps;
}
