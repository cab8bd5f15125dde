import { opened } from "../opened.js";
import type { OpenAny } from "../references.js";
import type { Finding, MessageResource, ResourceType } from "../resource.js";
import type { Verdict } from "./entry.js";

/**
 * Decodes and checks a resource: first whether it is the message it should be, then the structure rules of the schema,
 * then the meaning, as the owner's `validate` sees it. Later checks run only on what passed the earlier ones.
 */
export function judge(
  type: ResourceType<unknown> | undefined,
  typeUrl: string,
  name: string,
  value: Uint8Array,
  validate: (resource: MessageResource) => readonly Finding[],
  open: OpenAny,
): Verdict {
  if (type === undefined) return refuse([{ path: "", message: `nobody here knows the type ${typeUrl}` }]);
  let message: unknown;
  try {
    message = opened(type.decode(value), open);
  } catch (error) {
    return refuse([
      { path: "", message: `not a ${typeUrl}: ${error instanceof Error ? error.message : String(error)}` },
    ]);
  }
  const broken = errorsIn(type.check?.(message) ?? []);
  if (broken.length > 0) return refuse(broken);
  const wrong = errorsIn(validate({ typeUrl, name, message }));
  return wrong.length > 0 ? refuse(wrong) : { ok: true, message };
}

function errorsIn(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(({ severity }) => severity !== "warning");
}

function refuse(findings: readonly Finding[]): Verdict {
  return { ok: false, findings };
}
