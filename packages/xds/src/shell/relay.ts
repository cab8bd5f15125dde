import type {
  ChannelCredentials,
  Client,
  ClientDuplexStream,
  Server,
  ServerCredentials,
  ServerDuplexStream,
  StatusObject,
} from "@grpc/grpc-js";
import { resourceName } from "../client/resource-name.js";
import { XdsError } from "../errors.js";
import { type JournalEntry, requestEntry, responseEntry } from "../journal.js";
import { type Breach, createStreamMonitor } from "../monitor.js";
import { decodeDeltaRequest, decodeSotwRequest } from "../wire/request.js";
import { decodeDeltaResponse, decodeSotwResponse } from "../wire/response.js";
import { loadGrpc } from "./grpc.js";
import { DISCOVERY_SERVICES } from "./services.js";

/** How a relay is made. */
export interface RelayOptions {
  /** The server behind it: a gRPC target. */
  readonly upstream: string;
  /** For the channel to it. Default: plain text. */
  readonly credentials?: ChannelCredentials;
  /** Told of each breach; must not throw. */
  readonly onBreach?: (breach: Breach & { readonly stream: number; readonly node: string }) => void;
  /** Given each message, redacted; must not throw. */
  readonly onEntry?: (entry: JournalEntry) => void;
}

/** A relay between clients and a server. */
export interface Relay extends AsyncDisposable {
  /**
   * Binds and relays.
   *
   * @returns The port; 0 for a Unix socket.
   * @throws {@link XdsError} `ERR_XDS_LISTEN_FAILED` if the address cannot be bound.
   */
  listen(address: string, credentials?: ServerCredentials): Promise<number>;
  /** Ends all streams. */
  close(): Promise<void>;
}

// A monitor reports what it sees; it does not judge sizes by limits of its own.
const LIMITS = { maxNames: 10_000_000, maxNameLength: 1 << 26 };
const SIZES = { "grpc.max_receive_message_length": 256 << 20, "grpc.max_send_message_length": -1 } as const;

/** Makes a relay that passes every message on as it is, and reports breaches of the protocol by either side. */
export function createRelay({ upstream, credentials, onBreach = () => {}, onEntry = () => {} }: RelayOptions): Relay {
  const running: { readonly server: Server; readonly client: Client }[] = [];
  let streams = 0;

  function handler(client: Client, variant: "sotw" | "delta", path: string, fixedType: string | undefined) {
    return (down: ServerDuplexStream<Buffer, Buffer>): void => {
      const stream = ++streams;
      const monitor = createStreamMonitor(variant, fixedType);
      let node = "";
      const tell = (found: readonly Breach[]): void => {
        for (const breach of found) onBreach({ ...breach, stream, node });
      };
      onEntry({ kind: "open", stream, variant, ...(fixedType === undefined ? {} : { fixedType }) });
      const up = client.makeBidiStreamRequest(path, same, same, down.metadata);
      let open = true;
      const end = (status: Partial<StatusObject>): void => {
        if (!open) return;
        open = false;
        onEntry({ kind: "close", stream });
        if ((status.code ?? 0) === 0) down.end();
        else down.emit("error", { code: status.code, details: status.details });
      };
      down.on("data", (bytes: Buffer) => {
        try {
          const request = variant === "sotw" ? decodeSotwRequest(bytes, LIMITS) : decodeDeltaRequest(bytes, LIMITS);
          node = request.node?.id ?? node;
          onEntry(requestEntry(stream, request));
          tell(monitor.request(request, bytes.length));
        } catch (error) {
          tell([{ rule: "V1", by: "client", typeUrl: "", message: reason(error) }]);
        }
        pass(down, up, bytes);
      });
      up.on("data", (bytes: Buffer) => {
        try {
          const response = variant === "sotw" ? decodeSotwResponse(bytes) : decodeDeltaResponse(bytes);
          onEntry(responseEntry(stream, response, resourceName));
          tell(monitor.response(response, bytes.length, resourceName));
        } catch (error) {
          tell([{ rule: "V1", by: "server", typeUrl: "", message: reason(error) }]);
        }
        if (open) pass(up, down, bytes);
      });
      down.on("end", () => up.end());
      down.on("cancelled", () => {
        up.cancel();
        end({});
      });
      down.on("error", () => up.cancel());
      up.on("status", end);
      up.on("error", () => undefined);
    };
  }

  function register(server: Server, client: Client): void {
    for (const { definition, sotwMethod, deltaMethod, typeUrl } of DISCOVERY_SERVICES) {
      const handlers: Record<string, ReturnType<typeof handler>> = {};
      for (const [name, variant] of [
        [sotwMethod, "sotw"],
        [deltaMethod, "delta"],
      ] as const) {
        const path = name === undefined ? undefined : definition[name]?.path;
        if (name !== undefined && path !== undefined) handlers[name] = handler(client, variant, path, typeUrl);
      }
      server.addService(definition, handlers);
    }
  }

  async function close(): Promise<void> {
    for (const { server, client } of running.splice(0)) {
      server.forceShutdown();
      client.close();
    }
  }

  return {
    close,
    [Symbol.asyncDispose]: close,
    async listen(address, serverCredentials) {
      const grpc = await loadGrpc();
      const channel = credentials ?? grpc.credentials.createInsecure();
      const client = new grpc.Client(upstream, channel, { ...SIZES, "grpc.use_local_subchannel_pool": 1 });
      const server = new grpc.Server({ ...SIZES, "grpc.max_concurrent_streams": 1_000_000 });
      running.push({ server, client });
      register(server, client);
      return new Promise((resolve, reject) => {
        server.bindAsync(address, serverCredentials ?? grpc.ServerCredentials.createInsecure(), (cause, port) => {
          if (cause === null) resolve(port);
          else reject(new XdsError("ERR_XDS_LISTEN_FAILED", address, cause.message, { cause }));
        });
      });
    },
  };
}

type Readable = Pick<ClientDuplexStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>, "pause" | "resume">;

interface Writable {
  write(bytes: Buffer): boolean;
  once(event: "drain", listener: () => void): unknown;
}

// What one side does not take is not read from the other.
function pass(from: Readable, to: Writable, bytes: Buffer): void {
  if (to.write(bytes)) return;
  from.pause();
  to.once("drain", () => from.resume());
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function same(message: Buffer): Buffer {
  return message;
}
