import type { NackReason } from "./nack.js";
import type { Finding } from "./resource.js";

/**
 * Writes what this client refuses into one `error_detail` message that names every resource, field and reason, one a
 * line, in a form {@link explainNack} reads back.
 */
export function describeFindings(findings: ReadonlyMap<string, readonly Finding[]>): string {
  const lines: string[] = [];
  for (const [name, list] of findings) {
    for (const { path, message, code } of list) {
      // Findings of the compilers begin with their path and end with their code already.
      const text = path !== "" && message.startsWith(`${path}: `) ? message.slice(path.length + 2) : message;
      const place = path === "" ? "" : ` at ${path}`;
      const suffix = code === undefined || text.endsWith(`(${code})`) ? "" : ` (${code})`;
      lines.push(`resource ${JSON.stringify(name)}${place}: ${text.replaceAll("\n", " ")}${suffix}`);
    }
  }
  return lines.join("\n");
}

/**
 * Takes a NACK's message apart: which resource, which field, what is wrong. Understands what this package, Envoy and gRPC
 * write; anything else becomes one reason with the whole text.
 *
 * @param message - `error_detail.message`.
 * @param sent - Names in the refused response; with a single one, that is the resource whatever the message says.
 */
export function explainNack(message: string, sent: readonly string[]): readonly NackReason[] {
  const reasons = ownReasons(message) ?? envoyReasons(message, sent) ?? quotedReason(message, sent);
  const only = sent.length === 1 ? sent[0] : undefined;
  return reasons.map((reason) => {
    const { resource = only, field = pgvField(reason.reason) } = reason;
    return {
      ...(resource === undefined ? {} : { resource }),
      ...(field === undefined ? {} : { field }),
      reason: reason.reason,
    };
  });
}

const OWN = /^resource ("(?:[^"\\]|\\.)*")(?: at (\S+))?: (.*)$/;

function ownReasons(message: string): readonly NackReason[] | undefined {
  const reasons: NackReason[] = [];
  for (const line of message.split("\n")) {
    const [, quoted, field, reason] = OWN.exec(line) ?? [];
    if (quoted === undefined || reason === undefined) return undefined;
    const resource = unquote(quoted);
    if (resource === undefined) return undefined;
    reasons.push({ resource, ...(field === undefined ? {} : { field }), reason });
  }
  return reasons;
}

function unquote(quoted: string): string | undefined {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return undefined;
  }
}

// Envoy: "Error adding/updating cluster(s) a: why, b: why" and "Error adding/updating listener(s) a: why\nb: why".
const ENVOY = /^Error adding\/updating (?:cluster|listener)\(s\) /;

function envoyReasons(message: string, sent: readonly string[]): readonly NackReason[] | undefined {
  const head = ENVOY.exec(message);
  if (head === null) return undefined;
  const text = message.slice(head[0].length);
  // Names and reasons may hold colons and commas: only a name that was sent begins a part.
  const starts: { readonly at: number; readonly name: string }[] = [];
  for (const name of sent) {
    for (let at = text.indexOf(`${name}: `); at !== -1; at = text.indexOf(`${name}: `, at + 1)) {
      if (at === 0 || text.startsWith(", ", at - 2) || text[at - 1] === "\n") starts.push({ at, name });
    }
  }
  starts.sort((a, b) => a.at - b.at);
  if (starts.length === 0) return undefined;
  return starts.map(({ at, name }, index) => ({
    resource: name,
    reason: text
      .slice(at + name.length + 2, starts[index + 1]?.at)
      .replace(/(?:, |\n)$/, "")
      .trim(),
  }));
}

// gRPC quotes names, Envoy's route messages mention them in prose: the longest one mentioned as a word of its own.
function quotedReason(message: string, sent: readonly string[]): readonly NackReason[] {
  const mentioned = sent.filter((name) => name !== "" && isMentioned(message, name));
  const longest = mentioned.sort((a, b) => b.length - a.length)[0];
  return [{ ...(longest === undefined ? {} : { resource: longest }), reason: message }];
}

function isMentioned(message: string, name: string): boolean {
  for (let at = message.indexOf(name); at !== -1; at = message.indexOf(name, at + 1)) {
    const before = message[at - 1] ?? " ";
    const after = message[at + name.length] ?? " ";
    if (!/[\w-]/.test(before) && !/[\w-]/.test(after)) return true;
  }
  return false;
}

// "RouteConfigurationValidationError.VirtualHosts[0]: embedded message failed validation | caused by
// VirtualHostValidationError.Domains: value must contain at least 1 item(s)": the steps make a path.
const PGV_STEP = /\b[A-Z]\w*ValidationError\.([A-Z]\w*(?:\[[^\]]*\])?)/g;

function pgvField(reason: string): string | undefined {
  const steps = [...reason.matchAll(PGV_STEP)].map(([, step = ""]) => snakeCase(step));
  return steps.length === 0 ? undefined : steps.join(".");
}

function snakeCase(name: string): string {
  return name.replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
}
