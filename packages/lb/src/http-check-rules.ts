import type { Issue } from "./errors.js";
import type { HttpCheckOptions } from "./shell/http-check.js";
import type { StatusRange } from "./status-range.js";

const WITH_BODY: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "OPTIONS"]);

/**
 * What Envoy refuses in an HTTP health check.
 *
 * @param path - Where the check is, in proto spelling.
 */
export function httpCheckIssues(options: HttpCheckOptions, path: string): readonly Issue[] {
  const issues: Issue[] = [];
  const report = (field: string, message: string): void => {
    issues.push({ code: "ERR_LB_CONFIG_INVALID", path: `${path}.${field}`, message });
  };
  const { method = "GET", send, receive = [], responseBufferSize = 1024 } = options;
  if (options.path === "") report("path", "must not be empty");
  if (method === "CONNECT") report("method", "must not be CONNECT");
  if (send !== undefined && !WITH_BODY.has(method)) {
    report("send", `needs a method with a body (${[...WITH_BODY].join(", ")}), got ${method}`);
  }
  const ranges = (field: string, list: readonly StatusRange[] = []): void => {
    for (const [index, { start, end }] of list.entries()) {
      if (!(start < end)) report(`${field}[${index}]`, `must start below its end, got ${start} and ${end}`);
      if (!(start >= 100 && end <= 600)) {
        report(`${field}[${index}]`, `must lie within 100 and 600, got ${start} and ${end}`);
      }
    }
  };
  ranges("expected_statuses", options.expectedStatuses);
  ranges("retriable_statuses", options.retriableStatuses);
  if (!(responseBufferSize >= 0)) report("response_buffer_size", `must not be negative, got ${responseBufferSize}`);
  const expected = receive.reduce((sum, part) => sum + part.length, 0);
  if (responseBufferSize > 0 && expected > responseBufferSize) {
    report("receive", `needs ${expected} bytes, but only ${responseBufferSize} of the response are looked at`);
  }
  return issues;
}
