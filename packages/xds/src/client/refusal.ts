import type { Nack } from "../nack.js";
import type { NodeIdentity } from "../node.js";
import type { ClientEffect } from "./session.js";

/** What this client refused, in the form that a server gets of other clients. */
export function nackOf(
  { typeUrl, response, findings, status }: Extract<ClientEffect, { readonly kind: "refused" }>,
  node: Partial<NodeIdentity> & { readonly id: string },
): Nack {
  const reasons = [...findings].flatMap(([resource, list]) =>
    list.map(({ path, message }) => ({ resource, ...(path === "" ? {} : { field: path }), reason: message })),
  );
  const { nonce, version } = response;
  const { code, message } = status;
  return { node: { cluster: "", ...node }, typeUrl, nonce, version, code, message, reasons };
}
