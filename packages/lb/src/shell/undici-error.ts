/** Errors that undici makes before or without a host: what the caller did, or the end of the agent. */
const LOCAL: readonly string[] = [
  "UND_ERR_ABORT",
  "UND_ERR_ABORTED",
  "UND_ERR_CLOSED",
  "UND_ERR_DESTROYED",
  "UND_ERR_INVALID_ARG",
  "UND_ERR_INVALID_RETURN_VALUE",
  "UND_ERR_MAX_ORIGINS_REACHED",
  "UND_ERR_NOT_SUPPORTED",
  "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH",
];

/** The code of an error, or nothing. */
export function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : "";
}

/**
 * Whether a request failed for something that says nothing about its host.
 *
 * @param body - What was to be sent; a stream that broke says so itself.
 */
export function isCallers(error: Error, body: unknown): boolean {
  if (error.name === "AbortError" || LOCAL.includes(codeOf(error))) return true;
  return typeof body === "object" && body !== null && "errored" in body && body.errored === error;
}
