import type { SubstitutionFormatString } from "@weftmesh/xds-types/envoy/config/core/v3";
import type { DirectResponseAction } from "@weftmesh/xds-types/envoy/config/route/v3";
import { readSource } from "../data-source.js";
import { type BodyFormat, compileBodyFormat } from "../format/body.js";
import type { FormatInput } from "../format/values.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";

/** A compiled DirectResponseAction. */
export interface DirectRule {
  readonly kind: "direct-response";
  readonly status: number;
  readonly body: string;
  readonly format: BodyFormat | undefined;
}

/** Compiles a DirectResponseAction. */
export function compileDirect(
  action: DirectResponseAction,
  maxBodyBytes: number,
  scope: Scope,
  surroundings: Surroundings,
): DirectRule {
  const status = action.status ?? 0;
  if (status < 200 || status >= 600) {
    scope.field("status").report("ERR_ROUTER_FIELD_INVALID", `expected a status in [200, 600), got ${status}`);
  }
  const body = action.body === undefined ? "" : readSource(action.body, scope.field("body"), surroundings);
  if (body.length > maxBodyBytes) {
    scope.field("body").report("ERR_ROUTER_BODY_INVALID", `expected at most ${maxBodyBytes} bytes, got ${body.length}`);
  }
  const format: SubstitutionFormatString | undefined = action.bodyFormat;
  return {
    kind: "direct-response",
    status,
    body,
    format: format === undefined ? undefined : compileBodyFormat(format, scope.field("body_format"), surroundings),
  };
}

/** The body that one request gets, and its content type if the format names one. */
export function directBody(
  rule: DirectRule,
  input: FormatInput,
): { readonly body: string; readonly contentType?: string | undefined } {
  if (rule.format === undefined) return { body: rule.body };
  // The body is written before the response has a status.
  return { body: rule.format.format({ ...input, status: 0, body: rule.body }), contentType: rule.format.contentType };
}
