/** Differences that are known and wanted, by name. */
import type { Answer, Request } from "../../conformance/router-answer.js";

/** A request whose answers differ, Envoy's, and what of it differs. */
export interface Difference {
  readonly request: Request;
  readonly answer: Answer;
  readonly parts: readonly string[];
}

const explanations: readonly { readonly name: string; applies(difference: Difference): boolean }[] = [
  {
    // A plain CONNECT has no path. Envoy gives it one and then refuses its own request; we leave it without.
    name: "the path of a CONNECT is rewritten",
    applies({ request, answer, parts }) {
      if (request.method !== "CONNECT") return false;
      if (answer.details?.startsWith("filter_removed_required_request_headers") === true) return true;
      return parts.every((part) => part === "headers") && answer.headers.some(([name]) => name === "location");
    },
  },
  {
    // As with what the HTTP/1 parser refuses: which bytes may stand in a Host field is for the server that reads it.
    name: "an authority holds bytes that no authority may hold",
    applies: ({ answer }) => answer.details === "http.invalid_authority",
  },
  {
    // Envoy looks for the target's route before it asks the last predicates; what it logs and formats after is of that route.
    name: "a redirect that is not followed is logged with its target's route",
    applies({ request, answer, parts }) {
      const redirected = request.headers.some(([name]) => name === "x-answer") && (answer.status ?? 0) >= 300;
      const logged = ["route", "cluster", "virtualCluster", ...(parts.includes("route") ? ["headers"] : [])];
      const forgotten = answer.route === undefined && parts.every((part) => part === "headers");
      const known = forgotten || parts.every((part) => logged.includes(part));
      return redirected && answer.details === "via_upstream" && known;
    },
  },
];

/** Why a difference is none to mend; `undefined` if it is one. */
export function explain(difference: Difference): string | undefined {
  return explanations.find((explanation) => explanation.applies(difference))?.name;
}
