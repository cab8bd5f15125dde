import type { HeaderList } from "../request.js";

/** How an attempt ended, as retry policies see it. */
export type Outcome =
  | {
      /** Tells the variants apart. */
      readonly kind: "response";
      /** HTTP status. */
      readonly status: number;
      /** Response header fields. */
      readonly headers: HeaderList;
    }
  | {
      /** Tells the variants apart. */
      readonly kind: "reset";
      /** Why there is no response. */
      readonly reason: ResetReason;
      /** Whether any part of the request was sent upstream. Default true. */
      readonly sent?: boolean;
    };

/** Why an attempt ended without a response. */
export type ResetReason =
  | "connect-failure"
  | "connect-timeout"
  | "connection-termination"
  | "local-reset"
  | "overflow"
  | "per-try-timeout"
  | "protocol-error"
  | "remote-refused-stream"
  | "remote-reset"
  | "http3-post-connect-failure";

/** Whether to try again, and when. */
export type RetryVerdict =
  | {
      /** Try again. */
      readonly retry: true;
      /** Wait this long first. */
      readonly delayMs: number;
      /** The `retry_on` condition that held. */
      readonly condition: string;
      /** Set after a 425: send the next attempt without early data. */
      readonly withoutEarlyData?: true;
    }
  | {
      /** Do not try again. */
      readonly retry: false;
      /** Why not. */
      readonly reason: "not-retriable" | "limit" | "disabled";
    };
