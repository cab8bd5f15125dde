import type { HeaderMatcher } from "@weftmesh/xds-types/envoy/config/route/v3";

/** One test of a route table: an item of router_check_tool's `Validation`, in its own spelling. */
export interface RouteTest {
  /** Name for reports; need not be unique. */
  readonly test_name: string;
  /** The request. */
  readonly input: RouteTestInput;
  /** What should come out; a field that is absent is not checked. */
  readonly validate: RouteTestExpectation;
}

/** One header field. */
export interface KeyValue {
  /** Its name. */
  readonly key?: string;
  /** Its value. */
  readonly value?: string;
}

/** The request of a {@link RouteTest}. */
export interface RouteTestInput {
  /** `:authority`. */
  readonly authority: string;
  /** `:path`. */
  readonly path: string;
  /** `:method`. */
  readonly method: string;
  /** Whether it came over TLS: sets `:scheme` and `x-forwarded-proto`. Default false. */
  readonly ssl?: boolean;
  /** Whether it is internal: sets `x-envoy-internal`. Default false. */
  readonly internal?: boolean;
  /** The request's random integer. Default 0. */
  readonly random_value?: number | string;
  /** Further request fields. */
  readonly additional_request_headers?: readonly KeyValue[];
  /** Fields of the upstream's response. */
  readonly additional_response_headers?: readonly KeyValue[];
  /** The one runtime key that is on. */
  readonly runtime?: string;
  /** Dynamic metadata to set, by namespace. */
  readonly dynamic_metadata?: readonly {
    /** Namespace. */
    readonly metadata_namespace?: string;
    /** A JSON object. */
    readonly value?: unknown;
    /** A message. */
    readonly typed_value?: unknown;
    /** Whether a namespace that is set already takes it in. */
    readonly allow_overwrite?: boolean;
  }[];
}

/** What a {@link RouteTest} expects. Empty text means "none". */
export interface RouteTestExpectation {
  /** The chosen cluster. */
  readonly cluster_name?: string;
  /** The virtual cluster. */
  readonly virtual_cluster_name?: string;
  /** The virtual host. */
  readonly virtual_host_name?: string;
  /** The path after rewriting. */
  readonly path_rewrite?: string;
  /** The authority after rewriting. */
  readonly host_rewrite?: string;
  /** The URL of a redirect or direct response. */
  readonly path_redirect?: string;
  /** The status of a redirect or direct response; 0 for none. */
  readonly code_redirect?: number;
  /** Matchers for the request's fields after all changes. */
  readonly request_header_matches?: readonly HeaderMatcher[];
  /** Matchers for the response's fields after all changes. */
  readonly response_header_matches?: readonly HeaderMatcher[];
  /** Exact request fields; deprecated. */
  readonly request_header_fields?: readonly KeyValue[];
  /** Exact response fields; deprecated. */
  readonly response_header_fields?: readonly KeyValue[];
  /** The route's timeout: `15s`. */
  readonly timeout?: string;
}
