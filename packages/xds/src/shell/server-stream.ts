import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { Cache, TypeView } from "../cache.js";
import type { ClientDump } from "../client-dump.js";
import { nameOfVariant } from "../dynamic-parameters.js";
import { XdsError } from "../errors.js";
import type { NodeIdentity } from "../node.js";
import { dumpSession } from "../server/dump.js";
import {
  openSession,
  type Session,
  type SessionEffect,
  type SessionEvent,
  type SessionRules,
  stepSession,
} from "../server/session.js";
import type { TypeState } from "../server/type-state.js";
import { answersTo } from "../view.js";
import { decodeDeltaRequest, decodeSotwRequest, LimitExceeded, type RequestLimits } from "../wire/request.js";
import { encodeDeltaResponse, encodeSotwResponse, type OutgoingResponse } from "../wire/response.js";
import type { ClientStatus, ClientTypeStatus, ServerEvent, ServerOptions } from "../xds-server.js";
import { GRPC_STATUS } from "./grpc.js";
import type { ResponseCache } from "./response-cache.js";
import { asBuffer } from "./services.js";
import type { WriteWindow } from "./write-window.js";

/** What all streams of a server share. */
export interface StreamParts {
  /** Where resources come from. */
  readonly cache: Cache;
  /** Limits of the protocol core. */
  readonly rules: SessionRules;
  /** Limits of one request. */
  readonly limits: RequestLimits;
  /** Responses that others were just sent. */
  readonly encoded: ResponseCache;
  /** Bounds what is being written. */
  readonly window: WriteWindow;
  /** Decides whether a client may have a stream; throws if not. */
  readonly authorize: (node: NodeIdentity) => void;
  /** How long the first answer of a new stream has to wait, in milliseconds. */
  readonly admissionMs: () => number;
  /** Makes resources that are asked for and not there. */
  readonly onDemand: ServerOptions["onDemand"];
  /** Tells the owner; without one no event is made. */
  readonly emit: ((event: ServerEvent) => void) | undefined;
}

/** A stream that is being served. */
export interface ServedStream {
  /** For {@link XdsServer.clients}; `undefined` before the client said who it is. */
  status(): ClientStatus | undefined;
  /** For {@link XdsServer.dump}; `undefined` before the client said who it is. */
  dump(): ClientDump | undefined;
  /** Ends the stream with a status. */
  close(code: number, message: string): void;
}

// xDS features of clients that take `Resource` wrappers in state of the world; all three spellings are in the wild (S12).
const WRAPPER_FEATURES: readonly string[] = [
  "xds.config.resource-in-sotw",
  "xds.config.supports-resource-in-sotw",
  "envoy.config.resource-in-sotw",
];

/** How long an open stream may say nothing at all. */
const FIRST_REQUEST_MS = 30_000;

/** Requests a stream may send at once, and in a second; Envoy's own limit as a client is a hundredth of the first. */
const REQUEST_BURST = 5000;
const REQUESTS_PER_SECOND = 1000;

/**
 * Runs one stream: hands requests to the session, performs its effects.
 *
 * Responses are made only when the transport has taken the previous one, from the state of that moment: a slow client
 * skips states, and never holds more than one response a type in memory (F2).
 */
export function serveStream(
  call: ServerDuplexStream<Buffer, Buffer>,
  stream: number,
  variant: "sotw" | "delta",
  fixedType: string | undefined,
  parts: StreamParts,
  ended: () => void,
): ServedStream {
  const { cache, rules, limits, window, encoded, emit, onDemand } = parts;
  const peer = call.getPeer();
  const dirty = new Set<string>();
  const demanded = new Map<string, number>();
  const beats = new Map<string, NodeJS.Timeout>();
  let session: Session = openSession(variant, fixedType);
  let interest: Disposable | undefined;
  let timer: NodeJS.Timeout | undefined;
  let admission: NodeJS.Timeout | undefined;
  let writing = 0;
  let scheduled = false;
  let open = true;
  let wraps = false;

  function apply(event: SessionEvent): void {
    const { state, effects } = stepSession(session, event, rules, performance.now());
    session = state;
    for (const effect of effects) if (open) perform(effect);
  }

  function perform(effect: SessionEffect): void {
    const { node } = session;
    switch (effect.kind) {
      case "identified":
        identify(effect.node);
        return;
      case "wanted":
        if (node !== undefined) demand(node, effect.typeUrl, effect.names);
        return;
      case "beat":
        clearTimeout(beats.get(effect.typeUrl));
        beats.set(
          effect.typeUrl,
          setTimeout(() => beat(effect.typeUrl), effect.at - performance.now()),
        );
        return;
      case "dirty":
        dirty.add(effect.typeUrl);
        schedule();
        return;
      case "send":
        write(effect.response);
        return;
      case "wake":
        clearTimeout(timer);
        timer = setTimeout(() => {
          for (const typeUrl of session.waiting) dirty.add(typeUrl);
          schedule();
        }, effect.at - performance.now());
        return;
      case "close":
        close(effect.code, effect.message);
        return;
      case "ack":
        if (node === undefined) return;
        emit?.({ kind: "ack", stream, node, typeUrl: effect.typeUrl, version: effect.version, nonce: effect.nonce });
        return;
      case "nack":
        emit?.({ kind: "nack", stream, nack: effect.nack });
        return;
    }
  }

  function identify(node: NodeIdentity): void {
    try {
      parts.authorize(node);
    } catch (error) {
      close(GRPC_STATUS.permissionDenied, error instanceof Error ? error.message : String(error));
      return;
    }
    clearTimeout(silence);
    wraps = (node.clientFeatures ?? []).some((feature) => WRAPPER_FEATURES.includes(feature));
    emit?.({ kind: "connected", stream, node, peer, variant });
    const waitMs = parts.admissionMs();
    if (waitMs > 0) {
      admission = setTimeout(() => {
        admission = undefined;
        schedule();
      }, waitMs);
    }
    interest = cache.subscribe(node, (typeUrls = [...session.types.keys()]) => {
      for (const typeUrl of typeUrls) if (session.types.has(typeUrl)) dirty.add(typeUrl);
      if (dirty.size > 0) schedule();
    });
  }

  // What is asked for and not there may be made now; the type waits for it, so that it is not said not to exist.
  function demand(node: NodeIdentity, typeUrl: string, wanted: readonly string[]): void {
    const view = cache.view(node, typeUrl);
    const names = wanted.filter((name) => view === undefined || !answersTo(view, name));
    const made = names.length === 0 ? undefined : onDemand?.({ node, typeUrl, names });
    if (made === undefined) return;
    demanded.set(typeUrl, (demanded.get(typeUrl) ?? 0) + 1);
    const settle = (): void => {
      const left = (demanded.get(typeUrl) ?? 1) - 1;
      if (left === 0) demanded.delete(typeUrl);
      else demanded.set(typeUrl, left);
      schedule();
    };
    made.then(settle, settle);
  }

  function beat(typeUrl: string): void {
    const { node } = session;
    // A client that does not take what it is sent needs no further bytes.
    if (!open || node === undefined || writing > 0) return;
    apply({ kind: "beat", typeUrl, view: (wanted) => cache.view(node, wanted) });
  }

  function write(response: OutgoingResponse): void {
    const { node } = session;
    if (node === undefined) return;
    const bytes =
      variant === "delta"
        ? encoded.encoded("delta", response, () => encodeDeltaResponse(response))
        : encoded.encoded(wraps ? "sotw, wrapped" : "sotw", response, () => encodeSotwResponse(response, wraps));
    const release = window.lease(bytes.length);
    writing++;
    call.write(asBuffer(bytes), () => {
      writing--;
      release();
      if (dirty.size > 0) schedule();
    });
    const { typeUrl, version, nonce, resources, removed } = response;
    emit?.({
      kind: "sent",
      stream,
      node,
      typeUrl,
      version,
      nonce,
      resources: resources.map(({ name }) => nameOfVariant(name)),
      removed,
    });
  }

  function schedule(): void {
    if (scheduled || !open || writing > 0 || admission !== undefined) return;
    scheduled = true;
    // Requests that arrived together are taken in before the first answer, and a push does not keep requests waiting.
    setImmediate(flush);
  }

  function flush(): void {
    scheduled = false;
    const { node } = session;
    if (!open || writing > 0 || node === undefined || admission !== undefined) return;
    if (!window.open) {
      window.wait(schedule);
      return;
    }
    const typeUrls = [...dirty].filter((typeUrl) => !demanded.has(typeUrl));
    for (const typeUrl of typeUrls) dirty.delete(typeUrl);
    if (typeUrls.length === 0) return;
    apply({ kind: "flush", typeUrls, view: (typeUrl) => cache.view(node, typeUrl) });
  }

  function close(code: number, message: string): void {
    if (!open) return;
    call.emit("error", { code, details: message });
    finish();
  }

  function finish(): void {
    if (!open) return;
    open = false;
    clearTimeout(timer);
    clearTimeout(pause);
    clearTimeout(silence);
    clearTimeout(admission);
    for (const each of beats.values()) clearTimeout(each);
    interest?.[Symbol.dispose]();
    if (session.node !== undefined) emit?.({ kind: "disconnected", stream, node: session.node });
    ended();
  }

  let tokens = REQUEST_BURST;
  let refilled = performance.now();
  let pause: NodeJS.Timeout | undefined;

  // F4: a flood waits in the sender's own flow-control window.
  function takeToken(): void {
    const now = performance.now();
    tokens = Math.min(REQUEST_BURST, tokens + ((now - refilled) * REQUESTS_PER_SECOND) / 1000) - 1;
    refilled = now;
    if (tokens >= 1 || pause !== undefined) return;
    call.pause();
    pause = setTimeout(() => {
      pause = undefined;
      call.resume();
    }, 100);
  }

  // Who only opens streams holds memory and gets nothing for it.
  const silence = setTimeout(() => {
    close(GRPC_STATUS.deadlineExceeded, `no request within ${FIRST_REQUEST_MS / 1000} s of opening the stream`);
  }, FIRST_REQUEST_MS);

  call.on("data", (bytes: Buffer) => {
    if (!open) return;
    takeToken();
    try {
      apply(
        variant === "sotw"
          ? { kind: "sotw-request", request: decodeSotwRequest(bytes, limits) }
          : { kind: "delta-request", request: decodeDeltaRequest(bytes, limits) },
      );
    } catch (error) {
      if (error instanceof LimitExceeded) close(GRPC_STATUS.resourceExhausted, error.message);
      else if (error instanceof XdsError) close(GRPC_STATUS.invalidArgument, error.message);
      else close(GRPC_STATUS.internal, "the server failed on this request");
    }
  });
  call.on("end", () => {
    finish();
    call.end();
  });
  call.on("cancelled", finish);
  call.on("error", finish);

  return {
    close,
    dump() {
      const { node } = session;
      const view = (typeUrl: string): TypeView | undefined => node && cache.view(node, typeUrl);
      return node && { node, scope: String(stream), resources: dumpSession(session, view) };
    },
    status() {
      const { node } = session;
      return node && { stream, node, peer, types: [...session.types.values()].map(typeStatus) };
    },
  };
}

function typeStatus(state: TypeState): ClientTypeStatus {
  const { typeUrl, sentVersion, ackedVersion, nack } = state;
  return { typeUrl, sentVersion, ackedVersion, ...(nack === undefined ? {} : { nack }) };
}
