import type { LoadReport } from "./orca.js";

/** What a backend says of its load with a response, in bytes or in text. */
export const LOAD_REPORT_BYTES = "endpoint-load-metrics-bin";
/** The same as `TEXT …`, `JSON …` or `BIN …`. */
export const LOAD_REPORT_TEXT = "endpoint-load-metrics";

type Values = { -readonly [K in keyof LoadReport]: LoadReport[K] } & { namedMetrics: Record<string, number> };

/**
 * The load report in the header fields of a response. Load is advice: a report that cannot be read is none at all, as
 * in Envoy.
 *
 * @param header - The value of a field by its name in lower case.
 * @see https://github.com/envoyproxy/envoy/blob/main/source/common/orca/orca_parser.cc
 */
export function loadReportIn(header: (name: string) => string | undefined): LoadReport | undefined {
  const bytes = header(LOAD_REPORT_BYTES);
  const text = bytes === undefined ? header(LOAD_REPORT_TEXT) : `BIN ${bytes}`;
  if (text === undefined) return undefined;
  try {
    const body = text.slice(text.indexOf(" ") + 1);
    if (text.startsWith("BIN ")) return decodeLoadReport(Uint8Array.from(atob(body), (byte) => byte.charCodeAt(0)));
    if (text.startsWith("JSON ")) return fromJson(JSON.parse(body));
    return text.startsWith("TEXT ") ? fromText(body) : undefined;
  } catch {
    return undefined;
  }
}

const NAMED = "named_metrics.";
const SCALARS: Readonly<Record<string, "cpuUtilization" | "applicationUtilization" | "rps" | "eps" | null>> = {
  cpu_utilization: "cpuUtilization",
  application_utilization: "applicationUtilization",
  rps_fractional: "rps",
  eps: "eps",
  // Known, and of no use to a balancer.
  mem_utilization: null,
};

/** `cpu_utilization=0.3,named_metrics.queue=0.5` */
function fromText(text: string): LoadReport | undefined {
  const values: Values = { namedMetrics: {} };
  const seen = new Set<string>();
  for (const each of text.split(",")) {
    const [, name = "", digits = ""] = /^\s*([^=:\s]+)\s*[=:]\s*(\S+)\s*$/.exec(each) ?? [];
    const value = Number(digits);
    if (digits === "" || !Number.isFinite(value) || seen.has(name)) return undefined;
    seen.add(name);
    if (name.startsWith(NAMED) && name.length > NAMED.length) setNamed(values, name.slice(NAMED.length), value);
    else if (!Object.hasOwn(SCALARS, name)) return undefined;
    else setScalar(values, name, value);
  }
  return values;
}

/** The message as JSON, with field names as in the message or in camel case. */
function fromJson(json: unknown): LoadReport | undefined {
  if (typeof json !== "object" || json === null) return undefined;
  const values: Values = { namedMetrics: {} };
  for (const [key, value] of Object.entries(json)) {
    const name = key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (name === "named_metrics") {
      for (const [metric, each] of Object.entries(value ?? {})) setNamed(values, metric, Number(each));
    } else if (Object.hasOwn(SCALARS, name)) setScalar(values, name, Number(value));
  }
  return values;
}

function setScalar(values: Values, name: string, value: number): void {
  const field = SCALARS[name];
  if (field && Number.isFinite(value)) values[field] = value;
}

function setNamed(values: Values, name: string, value: number): void {
  if (!Number.isFinite(value)) return;
  Object.defineProperty(values.namedMetrics, name, { value, enumerable: true, writable: true, configurable: true });
}

/** Fields of `xds.data.orca.v3.OrcaLoadReport` by number. */
const NUMBERS: Readonly<Record<number, string>> = {
  1: "cpu_utilization",
  6: "rps_fractional",
  7: "eps",
  9: "application_utilization",
};
const NAMED_METRICS = 8;

/** Reads a serialized `OrcaLoadReport`; nothing if the bytes are none. */
export function decodeLoadReport(bytes: Uint8Array): LoadReport | undefined {
  const values: Values = { namedMetrics: {} };
  try {
    readFields(bytes, (field, value) => {
      const name = NUMBERS[field];
      if (typeof value === "number" && name !== undefined) setScalar(values, name, value);
      if (field !== NAMED_METRICS || !(value instanceof Uint8Array)) return;
      let [key, metric] = ["", 0];
      readFields(value, (part, of) => {
        if (part === 1 && of instanceof Uint8Array) key = new TextDecoder().decode(of);
        if (part === 2 && typeof of === "number") metric = of;
      });
      setNamed(values, key, metric);
    });
  } catch {
    return undefined;
  }
  return values;
}

/** Calls with every double and every run of bytes of a message. @throws RangeError at the end of broken bytes. */
function readFields(bytes: Uint8Array, take: (field: number, value: number | Uint8Array) => void): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = view.getUint8(at++);
      value += (byte & 0x7f) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        varint();
        break;
      case 1:
        take(field, view.getFloat64(at, true));
        at += 8;
        break;
      case 2: {
        const length = varint();
        if (at + length > bytes.length) throw new RangeError("a field ends after the message");
        take(field, bytes.subarray(at, at + length));
        at += length;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        throw new RangeError("a field has no known form");
    }
  }
}
