const prefix = "type.googleapis.com/";

/** The type URL of a message, as it stands in `Any` and in discovery requests. */
export function urlOf(typeName: string): string {
  return prefix + typeName;
}

/** The message name in a type URL: what follows the last slash. */
export function typeNameOf(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}
