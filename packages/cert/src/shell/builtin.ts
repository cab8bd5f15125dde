/**
 * Node's own modules that take a tenth of what importing this package costs, loaded when something first connects or
 * listens: whoever only verifies or issues never pays for them.
 */
export const builtin = {
  http2: (): typeof import("node:http2") => process.getBuiltinModule("node:http2"),
  https: (): typeof import("node:https") => process.getBuiltinModule("node:https"),
  tls: (): typeof import("node:tls") => process.getBuiltinModule("node:tls"),
};
