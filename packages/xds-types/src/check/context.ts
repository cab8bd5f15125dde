import type { Issue, XdsTypesErrorCode } from "../errors.js";
import { formatPlace, type Place } from "../json/context.js";

/** Gathers what is wrong with the message that is being checked. */
export class CheckContext {
  readonly issues: Issue[] = [];

  /** Notes a problem. */
  add(code: XdsTypesErrorCode, place: Place | undefined, message: string, severity?: "warning"): void {
    this.issues.push({ code, path: formatPlace(place), message, ...(severity === undefined ? {} : { severity }) });
  }
}
