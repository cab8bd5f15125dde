import type { ChannelCredentials, Client, ClientDuplexStream, ServiceError, StatusObject } from "@grpc/grpc-js";
import { type BackoffConfig, delayMs, type Random } from "../backoff.js";
import { AGGREGATED_SERVICE } from "../discovery-types.js";
import type { DynamicParameters } from "../dynamic-parameters.js";
import { XdsError } from "../errors.js";
import type { DeltaRequest, SotwRequest } from "../wire/request.js";
import { encodeDeltaRequest, encodeSotwRequest } from "../wire/request.js";
import { type DiscoveryResponse, decodeDeltaResponse, decodeSotwResponse } from "../wire/response.js";
import { type Grpc, loadGrpc } from "./grpc.js";
import { asBuffer, streamMethod } from "./services.js";

/** What a stream tells its owner. */
export interface StreamListener {
  /** A stream is open; requests may be sent. */
  connected(): void;
  /** A response came. */
  response(response: DiscoveryResponse): void;
  /** The stream is gone; a new attempt follows after `retryMs`. */
  disconnected(reason: string, retryMs: number): void;
}

/** How a stream is made. */
export interface StreamOptions {
  /** The gRPC target. */
  readonly uri: string;
  /** For the channel; `undefined` is plain text. */
  readonly credentials: ChannelCredentials | undefined;
  /** The protocol variant. */
  readonly variant: "sotw" | "delta";
  /** The encoded node, sent with the first request of each stream. */
  readonly node: Uint8Array;
  /** Given with every name (xRFC TP2), if there are any. */
  readonly parameters?: DynamicParameters | undefined;
  /** Between failed attempts. */
  readonly backoff: BackoffConfig;
  /** For the jitter. */
  readonly random: Random;
}

const CHANNEL_OPTIONS = {
  // V8: responses outgrow the default 4 MiB in practice.
  "grpc.max_receive_message_length": 256 << 20,
  "grpc.max_send_message_length": -1,
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 10_000,
  // Attempts and their back-off are ours; a pool shared with other clients would add its own.
  "grpc.use_local_subchannel_pool": 1,
} as const;

/** Keeps an aggregated stream to one server open, from construction until `close`. */
export class ClientStream {
  readonly #options: StreamOptions;
  readonly #listener: StreamListener;
  readonly #method: ReturnType<typeof streamMethod>;
  #client: Client | undefined;
  #call: ClientDuplexStream<Buffer, Buffer> | undefined;
  #timer: NodeJS.Timeout | undefined;
  // grpc-js lets the process end while a channel connects; somebody waits for what this stream brings.
  readonly #alive: NodeJS.Timeout = setInterval(() => {}, 1 << 30);
  #failures = 0;
  #answered = false;
  #nodeSent = false;
  #closed = false;

  constructor(options: StreamOptions, listener: StreamListener) {
    const { service, sotwMethod, deltaMethod } = AGGREGATED_SERVICE;
    this.#options = options;
    this.#listener = listener;
    this.#method = streamMethod(service, options.variant === "sotw" ? sotwMethod : deltaMethod);
    void loadGrpc().then((grpc) => this.#connect(grpc));
  }

  /** Sends a state-of-the-world request; dropped when no stream is open. */
  sendSotw(request: SotwRequest): void {
    this.#call?.write(asBuffer(encodeSotwRequest(request, this.#nodeOnce(), this.#options.parameters)));
  }

  /** Sends a delta request; dropped when no stream is open. */
  sendDelta(request: DeltaRequest): void {
    this.#call?.write(asBuffer(encodeDeltaRequest(request, this.#nodeOnce(), this.#options.parameters)));
  }

  /** Stops reading until `resume`. */
  pause(): void {
    this.#call?.pause();
  }

  /** Reads on. */
  resume(): void {
    this.#call?.resume();
  }

  /** Ends the stream for good. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#alive);
    clearTimeout(this.#timer);
    this.#call?.cancel();
    this.#call = undefined;
    this.#client?.close();
    this.#client = undefined;
  }

  // V6: the node is sent once a stream.
  #nodeOnce(): Uint8Array | undefined {
    if (this.#nodeSent) return undefined;
    this.#nodeSent = true;
    return this.#options.node;
  }

  #connect(grpc: Grpc): void {
    if (this.#closed) return;
    const { uri, credentials } = this.#options;
    const client = new grpc.Client(uri, credentials ?? grpc.credentials.createInsecure(), CHANNEL_OPTIONS);
    this.#client = client;
    this.#awaitReady(grpc, client);
  }

  #awaitReady(grpc: Grpc, client: Client): void {
    if (client !== this.#client) return;
    const { connectivityState } = grpc;
    const channel = client.getChannel();
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.READY) this.#open(grpc, client);
    else if (state === connectivityState.TRANSIENT_FAILURE || state === connectivityState.SHUTDOWN) {
      this.#fail(grpc, client, "the server cannot be reached");
    } else channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, () => this.#awaitReady(grpc, client));
  }

  #open(grpc: Grpc, client: Client): void {
    const { path, requestSerialize, responseDeserialize } = this.#method;
    const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    this.#call = call;
    this.#answered = false;
    this.#nodeSent = false;
    call.on("data", (bytes: Buffer) => {
      if (call === this.#call) this.#receive(grpc, client, call, bytes);
    });
    call.on("error", (error: ServiceError) => this.#fail(grpc, client, error.details || error.message));
    call.on("status", (status: StatusObject) =>
      this.#fail(grpc, client, status.details || "the server ended the stream"),
    );
    this.#listener.connected();
  }

  #receive(grpc: Grpc, client: Client, call: ClientDuplexStream<Buffer, Buffer>, bytes: Buffer): void {
    let response: DiscoveryResponse;
    try {
      response = this.#options.variant === "sotw" ? decodeSotwResponse(bytes) : decodeDeltaResponse(bytes);
    } catch (error) {
      // Without its nonce a response cannot be refused; a stream that carries garbage is of no use.
      call.cancel();
      this.#fail(grpc, client, error instanceof XdsError ? error.message : String(error));
      return;
    }
    this.#answered = true;
    this.#failures = 0;
    this.#listener.response(response);
  }

  #fail(grpc: Grpc, client: Client, reason: string): void {
    if (client !== this.#client || this.#closed) return;
    this.#client = undefined;
    this.#call = undefined;
    client.close();
    // E2: the end of a stream that was of use is no failure, the server may be rebalancing.
    const retryMs = this.#answered ? 0 : delayMs(++this.#failures, this.#options.backoff, this.#options.random);
    this.#answered = false;
    this.#timer = setTimeout(() => this.#connect(grpc), retryMs);
    this.#listener.disconnected(reason, retryMs);
  }
}
