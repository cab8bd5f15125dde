import type { DataSource } from "@weftmesh/xds-types/envoy/config/core/v3";
import { byteText, latin1 } from "./ascii.js";
import type { Scope } from "./scope.js";
import type { Surroundings } from "./surroundings.js";

/** The text of a DataSource as latin1; what cannot be read is reported. */
export function readSource(source: DataSource, scope: Scope, surroundings: Surroundings): string {
  if (source.inlineString !== undefined) return byteText(source.inlineString);
  if (source.inlineBytes !== undefined) return latin1(source.inlineBytes);
  if (source.environmentVariable !== undefined) {
    const name = source.environmentVariable;
    if (Object.hasOwn(surroundings.environment, name)) return byteText(surroundings.environment[name] ?? "");
    scope
      .field("environment_variable")
      .report("ERR_ROUTER_BODY_INVALID", `environment variable ${JSON.stringify(name)} is not set`);
    return "";
  }
  if (source.filename !== undefined) {
    try {
      if (surroundings.readFile !== undefined) return latin1(surroundings.readFile(source.filename));
    } catch {
      // Reported below: whatever the reason, there is no such body.
    }
    scope.field("filename").report("ERR_ROUTER_BODY_INVALID", `file ${JSON.stringify(source.filename)} cannot be read`);
    return "";
  }
  return "";
}
