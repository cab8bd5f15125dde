/** Differences that are known and wanted, by name. */
import type { Answer, Request } from "../../conformance/router-answer.js";

/** A request whose answers differ, and Envoy's. */
export interface Difference {
  readonly request: Request;
  readonly answer: Answer;
}

const explanations: readonly { readonly name: string; applies(difference: Difference): boolean }[] = [
  {
    // A plain CONNECT has no path. Envoy gives it one and then refuses its own request; we leave it without.
    name: "the path of a CONNECT is rewritten",
    applies: ({ request, answer }) =>
      request.method === "CONNECT" && answer.details?.startsWith("filter_removed_required_request_headers") === true,
  },
];

/** Why a difference is none to mend; `undefined` if it is one. */
export function explain(difference: Difference): string | undefined {
  return explanations.find((explanation) => explanation.applies(difference))?.name;
}
