import type { NodeIdentity } from "./node.js";
import type { DeltaRequest, SotwRequest } from "./wire/request.js";
import type { DiscoveryResponse, WireResource } from "./wire/response.js";

/** A message that breaks a rule of the protocol checklist. */
export interface Breach {
  /** The rule: `S3`, `D6`, …. */
  readonly rule: string;
  /** Who broke it. */
  readonly by: "client" | "server";
  /** The type the message is about; empty if it names none. */
  readonly typeUrl: string;
  /** What is wrong, in one line. */
  readonly message: string;
}

/** Watches one stream between two other parties. What it is given must be in the order of the wire. */
export interface StreamMonitor {
  /** A request went by. @param bytes - Its size. */
  request(request: SotwRequest | DeltaRequest, bytes: number): readonly Breach[];
  /** A response went by. @param resourceName - Names a resource that carries no name of its own. */
  response(response: DiscoveryResponse, bytes: number, resourceName: (value: Uint8Array) => string): readonly Breach[];
}

/** What clients take by default, and many servers (V8). */
const GRPC_DEFAULT_BYTES = 4 << 20;

interface TypeRecord {
  /** Names the client asked for; `*` for all. */
  readonly wanted: Set<string>;
  /** What it was given, by name: versions in delta, fingerprints in state of the world. */
  readonly given: Map<string, string>;
  /** Responses by nonce. */
  readonly sent: Map<string, Sent>;
  /** What was refused, by name. */
  readonly refused: Map<string, string>;
  accepted: string;
  lastNonce: string;
}

interface Sent {
  readonly version: string;
  readonly content: ReadonlyMap<string, string>;
  answer?: "ack" | "nack";
}

/**
 * Reports breaches by rule id on one stream, for both parties. It reports only what the messages prove: silence, and what
 * depends on the content of resources, it does not judge.
 *
 * @param fixedType - The type of a stream that is not aggregated.
 */
export function createStreamMonitor(variant: "sotw" | "delta", fixedType?: string): StreamMonitor {
  const types = new Map<string, TypeRecord>();
  const nonces = new Set<string>();
  let node: NodeIdentity | undefined;
  let first = true;

  return {
    request(request, bytes) {
      const found: Breach[] = [];
      const typeUrl = request.typeUrl === "" ? (fixedType ?? "") : request.typeUrl;
      const breach = (rule: string, message: string): void => void found.push({ rule, by: "client", typeUrl, message });
      if (bytes > GRPC_DEFAULT_BYTES) breach("V8", `a request of ${bytes} bytes, gRPC takes 4 MiB by default`);
      if (first && request.node === undefined) breach("V6", "the first request carries no node");
      if (node !== undefined && request.node !== undefined && JSON.stringify(node) !== JSON.stringify(request.node)) {
        breach("V6", "the node differs from that of the first request");
      }
      node ??= request.node;
      first = false;
      if (typeUrl === "") breach("V5", "no type_url on an aggregated stream");
      else if (fixedType !== undefined && typeUrl !== fixedType) breach("V5", `this stream carries ${fixedType}`);
      const known = types.get(typeUrl);
      const type = known ?? openRecord();
      types.set(typeUrl, type);
      if ("subscribe" in request) deltaRequest(request, type, known === undefined, breach);
      else sotwRequest(request, type, breach);
      return found;
    },
    response(response, bytes, resourceName) {
      const { typeUrl, nonce, version } = response;
      const found: Breach[] = [];
      const breach = (rule: string, message: string): void => void found.push({ rule, by: "server", typeUrl, message });
      if (bytes > GRPC_DEFAULT_BYTES) breach("V8", `a response of ${bytes} bytes, gRPC takes 4 MiB by default`);
      const type = types.get(typeUrl);
      if (type === undefined) breach("V5", "the client asked for no resource of this type");
      const nonceRule = variant === "sotw" ? "S4" : "D5";
      if (nonce === "") breach(nonceRule, "a response without a nonce cannot be answered");
      else if (nonces.has(nonce)) breach(nonceRule, `nonce ${nonce} was used before on this stream`);
      nonces.add(nonce);
      const content = contentOf(response, resourceName, breach);
      for (const { name } of response.errors) {
        if (content.has(name)) breach("E4", `${name} is among the resources and among the errors`);
      }
      if (type !== undefined) take(type, response, content, breach);
      type?.sent.set(nonce, { version, content });
      if (type !== undefined) type.lastNonce = nonce;
      return found;
    },
  };

  function take(
    type: TypeRecord,
    response: DiscoveryResponse,
    content: ReadonlyMap<string, string>,
    breach: (rule: string, message: string) => void,
  ): void {
    const again = [...content].filter(([name, print]) => type.refused.get(name) === print).map(([name]) => name);
    // In a full set unchanged resources are repeated; what counts is whether anything at all is different.
    const fresh = [...content].some(([name, print]) => type.given.get(name) !== print);
    if (again.length > 0 && (variant === "delta" || !fresh)) {
      breach("S3", `${again.join(", ")}: the same content was refused and is sent again`);
    }
    if (variant === "delta") {
      for (const name of response.removed) {
        if (!type.given.has(name) && !type.wanted.has(name))
          breach("D2", `${name} is removed, which the client has not`);
        type.given.delete(name);
      }
      for (const { name, version, value, ttlMs } of response.resources) {
        const before = type.given.get(name);
        if (value !== undefined || ttlMs === undefined) continue;
        if (before !== undefined && !before.startsWith(`${version} `)) {
          breach("E5", `the heartbeat of ${name} has version ${version}, the client holds another`);
        }
      }
    }
    for (const [name, print] of content) type.given.set(name, print);
  }
}

function openRecord(): TypeRecord {
  return {
    wanted: new Set(),
    given: new Map(),
    sent: new Map(),
    refused: new Map(),
    accepted: "",
    lastNonce: "",
  };
}

function sotwRequest(request: SotwRequest, type: TypeRecord, breach: (rule: string, message: string) => void): void {
  const { responseNonce, versionInfo, errorDetail, resourceNames } = request;
  const added = resourceNames.filter((name) => !type.wanted.has(name));
  type.wanted.clear();
  for (const name of resourceNames) type.wanted.add(name);
  // Names that are asked for anew are owed an answer, refused content or not (S5).
  for (const name of added) type.refused.delete(name);
  if (responseNonce === "") return;
  const sent = type.sent.get(responseNonce);
  if (sent === undefined) {
    breach("S4", `nonce ${responseNonce} was never sent for this type on this stream`);
    return;
  }
  // Answers to older responses may cross newer ones on the wire.
  if (responseNonce !== type.lastNonce) return;
  if (errorDetail !== undefined) {
    if (sent.answer === "ack") breach("S11", `response ${responseNonce} was acknowledged and is refused now`);
    if (versionInfo !== type.accepted) {
      breach("S1", `a refusal has version ${versionInfo || '""'}, the last accepted one is ${type.accepted || '""'}`);
    }
    book(type, sent, "nack");
    return;
  }
  // A change of subscription repeats the nonce after a refusal, with the old version: no answer is meant by it.
  if (sent.answer === "nack" && versionInfo === type.accepted) return;
  if (versionInfo !== sent.version) {
    breach("S1", `an acknowledgement has version ${versionInfo || '""'}, the response had ${sent.version}`);
  }
  type.accepted = sent.version;
  book(type, sent, "ack");
}

function deltaRequest(
  request: DeltaRequest,
  type: TypeRecord,
  first: boolean,
  breach: (rule: string, message: string) => void,
): void {
  const { responseNonce, errorDetail, subscribe, unsubscribe, initialResourceVersions } = request;
  if (!first && initialResourceVersions.size > 0) {
    breach("D1", "initial_resource_versions stands in a request that is not the first of its type");
  }
  if (first) for (const [name, version] of initialResourceVersions) type.given.set(name, `${version} `);
  for (const name of unsubscribe) {
    type.wanted.delete(name);
    type.given.delete(name);
  }
  for (const name of subscribe) {
    type.wanted.add(name);
    type.refused.delete(name);
  }
  if (responseNonce === "") {
    if (errorDetail !== undefined) breach("D5", "a refusal without a nonce");
    return;
  }
  const sent = type.sent.get(responseNonce);
  if (sent === undefined) breach("D5", `nonce ${responseNonce} was never sent for this type on this stream`);
  else if (sent.answer !== undefined) breach("D5", `response ${responseNonce} is answered twice`);
  else book(type, sent, errorDetail === undefined ? "ack" : "nack");
}

function book(type: TypeRecord, sent: Sent, answer: "ack" | "nack"): void {
  sent.answer = answer;
  for (const [name, print] of sent.content) {
    if (answer === "nack") type.refused.set(name, print);
    else if (type.refused.get(name) === print) type.refused.delete(name);
  }
}

/** Names and fingerprints of what a response carries a body for. */
function contentOf(
  { resources, typeUrl }: DiscoveryResponse,
  resourceName: (value: Uint8Array) => string,
  breach: (rule: string, message: string) => void,
): ReadonlyMap<string, string> {
  const content = new Map<string, string>();
  for (const resource of resources) {
    if (resource.value === undefined) continue;
    const name = resource.name === "" ? resourceName(resource.value) : resource.name;
    if (resource.typeUrl !== typeUrl) breach("D6", `${name} is a ${resource.typeUrl || "resource without a type"}`);
    // Variants of one name differ by their constraints (N8).
    const key = resource.constraints === undefined ? name : `${name} ${JSON.stringify(resource.constraints)}`;
    if (content.has(key)) breach("S9", `${name} stands twice in one response`);
    content.set(key, fingerprint(resource));
  }
  return content;
}

/** Version and content in short: FNV-1a over the bytes. It tells accidents apart, not forgeries. */
export function fingerprint({ version, value = new Uint8Array() }: Pick<WireResource, "version" | "value">): string {
  let hash = 0x811c9dc5;
  for (const byte of value) hash = Math.imul(hash ^ byte, 0x01000193);
  return `${version} ${(hash >>> 0).toString(16)}/${value.length}`;
}
