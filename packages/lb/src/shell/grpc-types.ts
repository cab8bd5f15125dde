/** The parts of `experimental` of `@grpc/grpc-js` that a balancer needs; structural, so that nothing loads gRPC. */

/** An address as a resolver gives it. */
export type GrpcAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** Addresses of one server. */
export interface GrpcEndpoint {
  /** Most preferred first. */
  readonly addresses: readonly GrpcAddress[];
}

/** A value, or why there is none. */
export type GrpcStatusOr<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: { readonly details: string } };

/** What a call tells a picker. */
export interface GrpcPickArgs {
  /** The call's metadata. */
  readonly metadata: { get(key: string): unknown[] };
  /** Further information by name. */
  readonly extraPickInfo?: Readonly<Record<string, string>>;
}

/** Where a call goes. */
export interface GrpcPickResult {
  /** grpc-js' number of the kind of result. */
  readonly pickResultType: number;
  /** The connection. */
  readonly subchannel: unknown;
  /** Why there is none. */
  readonly status: unknown;
  /** Called when the call starts. */
  readonly onCallStarted: (() => void) | null;
  /** Called when it has ended. */
  readonly onCallEnded: ((code: number, details: string, metadata: never) => void) | null;
}

/** Chooses a connection for each call. */
export interface GrpcPicker {
  /** The connection, or why there is none. */
  pick(args: GrpcPickArgs): GrpcPickResult;
}

/** How a balancer speaks to its channel. */
export interface GrpcChannelHelper {
  /** Tells the channel its state and who picks from now on. */
  updateState(state: number, picker: GrpcPicker, error: string | null): void;
}

/** One address with its connection. */
export interface GrpcLeaf {
  /** Connects. */
  startConnecting(): void;
  /** The addresses changed. */
  updateEndpoint(endpoint: GrpcEndpoint, options: object): void;
  /** grpc-js' number of its state. */
  getConnectivityState(): number;
  /** Gives the connection. */
  getPicker(): GrpcPicker;
  /** Connects if idle. */
  exitIdle(): void;
  /** Ends it. */
  destroy(): void;
}

/** A balancer of one address. */
export interface GrpcLeafConstructor {
  new (endpoint: never, helper: never, options: never, note: string): unknown;
}

/** `experimental` of `@grpc/grpc-js`; the part that is used here. What is handed through has grpc-js' own types. */
export interface GrpcExperimental {
  /** Makes a balancer known by its name. */
  registerLoadBalancerType(name: string, balancer: never, config: never): void;
  /** A balancer of one address. */
  readonly LeafLoadBalancer: GrpcLeafConstructor;
  /** A helper for a child. */
  createChildChannelControlHelper(parent: never, overrides: never): unknown;
  /** `host:port`. */
  subchannelAddressToString(address: never): string;
  /** A picker that lets calls wait. */
  readonly QueuePicker: new (
    balancer: never,
  ) => unknown;
  /** A picker that fails calls. */
  readonly UnavailablePicker: new (
    status: never,
  ) => unknown;
}
