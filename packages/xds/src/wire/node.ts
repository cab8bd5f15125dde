import type { Locality, NodeIdentity } from "../node.js";
import type { Reader } from "./reader.js";
import { decodeStruct, encodeStruct, type Json } from "./struct.js";
import { Writer } from "./writer.js";

/** Encodes an `envoy.config.core.v3.Node`. */
export function encodeNode(node: Partial<NodeIdentity>): Uint8Array {
  const writer = new Writer().string(1, node.id ?? "").string(2, node.cluster ?? "");
  if (node.metadata !== undefined) {
    writer.bytes(3, encodeStruct(node.metadata as { readonly [key: string]: Json }));
  }
  if (node.locality !== undefined) {
    const { region = "", zone = "", subZone = "" } = node.locality;
    writer.bytes(4, new Writer().string(1, region).string(2, zone).string(3, subZone).finish());
  }
  writer.string(6, node.userAgentName ?? "");
  // A member of a oneof has presence of its own.
  if (node.userAgentVersion !== undefined) writer.element(7, node.userAgentVersion);
  for (const feature of node.clientFeatures ?? []) writer.element(10, feature);
  return writer.finish();
}

/** Decodes what {@link NodeIdentity} holds of an `envoy.config.core.v3.Node`. */
export function decodeNode(reader: Reader): NodeIdentity {
  const node: { -readonly [K in keyof NodeIdentity]: NodeIdentity[K] } = { id: "", cluster: "" };
  const features: string[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    switch (field) {
      case 1:
        node.id = reader.string();
        break;
      case 2:
        node.cluster = reader.string();
        break;
      case 3:
        node.metadata = decodeStruct(reader.message());
        break;
      case 4:
        node.locality = decodeLocality(reader.message());
        break;
      case 6:
        node.userAgentName = reader.string();
        break;
      case 7:
        node.userAgentVersion = reader.string();
        break;
      case 8:
        node.userAgentVersion = decodeBuildVersion(reader.message());
        break;
      case 10:
        features.push(reader.string());
        break;
      default:
        reader.skip();
    }
  }
  if (features.length > 0) node.clientFeatures = features;
  return node;
}

function decodeLocality(reader: Reader): Locality {
  const locality: { -readonly [K in keyof Locality]: Locality[K] } = {};
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) locality.region = reader.string();
    else if (field === 2) locality.zone = reader.string();
    else if (field === 3) locality.subZone = reader.string();
    else reader.skip();
  }
  return locality;
}

// Envoy sends BuildVersion { version: SemanticVersion { major, minor, patch } } in place of a string.
function decodeBuildVersion(reader: Reader): string {
  const parts = [0, 0, 0];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field !== 1) {
      reader.skip();
      continue;
    }
    const version = reader.message();
    for (let part = version.next(); part !== 0; part = version.next()) {
      if (part <= 3) parts[part - 1] = version.varint();
      else version.skip();
    }
  }
  return parts.join(".");
}
