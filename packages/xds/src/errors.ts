/**
 * Stable identifiers for everything this package throws; safe to `switch` on.
 *
 * - `ERR_XDS_BOOTSTRAP_INVALID`: a bootstrap file or object cannot be used as it is.
 * - `ERR_XDS_WIRE_INVALID`: bytes are not the protobuf message they should be.
 * - `ERR_XDS_SNAPSHOT_INVALID`: a snapshot holds two resources of one name, or one without a name.
 * - `ERR_XDS_DANGLING_REFERENCE`: a resource refers to one that its snapshot does not have.
 * - `ERR_XDS_UNREFERENCED`: a warning: nothing refers to a resource that clients ask for only by reference.
 * - `ERR_XDS_NAME_INVALID`: an `xdstp:` name or locator is malformed.
 * - `ERR_XDS_LISTEN_FAILED`: the server could not bind its address.
 * - `ERR_XDS_CLOSED`: the client or server was used after it was closed.
 */
export type XdsErrorCode =
  | "ERR_XDS_BOOTSTRAP_INVALID"
  | "ERR_XDS_WIRE_INVALID"
  | "ERR_XDS_SNAPSHOT_INVALID"
  | "ERR_XDS_DANGLING_REFERENCE"
  | "ERR_XDS_UNREFERENCED"
  | "ERR_XDS_NAME_INVALID"
  | "ERR_XDS_LISTEN_FAILED"
  | "ERR_XDS_CLOSED";

/**
 * The only error class this package throws.
 *
 * Branch on {@link XdsError.code}, never on the message: messages may change in any release, codes only in a major one.
 */
export class XdsError extends Error {
  override readonly name = "XdsError";
  /** What went wrong, stable across releases. */
  readonly code: XdsErrorCode;
  /** Where in the input the problem is, in its own spelling, for example `xds_servers[0].server_uri`. */
  readonly path: string;

  constructor(code: XdsErrorCode, path: string, problem: string, options?: ErrorOptions) {
    super(`${path}: ${problem} (${code})`, options);
    this.code = code;
    this.path = path;
  }
}
