/** The two messages of `grpc.health.v1.Health/Check`, framed. */

/** What a server says of a service; anything else is unknown. */
export type ServingStatus = "SERVING" | "OTHER";

/** `grpc.health.v1.HealthCheckResponse.ServingStatus.SERVING` */
const SERVING = 1;
const PREFIX_LENGTH = 5;
const FIELD_1_BYTES = 0x0a;
const FIELD_1_VARINT = 0x08;
const WIRE = {
  varint: 0,
  fixed64: 1,
  bytes: 2,
  fixed32: 5,
} as const;

/** A frame with a `HealthCheckRequest`. */
export function healthCheckRequest(service: string): Uint8Array {
  const name = new TextEncoder().encode(service);
  const head = service === "" ? [] : [FIELD_1_BYTES, ...varint(name.length)];
  const frame = new Uint8Array(PREFIX_LENGTH + head.length + name.length);
  new DataView(frame.buffer).setUint32(1, head.length + name.length);
  frame.set(head, PREFIX_LENGTH);
  frame.set(name, PREFIX_LENGTH + head.length);
  return frame;
}

/** What the one frame says; nothing if it is not exactly one plain frame with such a message. */
export function healthCheckResponse(data: Uint8Array): ServingStatus | undefined {
  if (data.length < PREFIX_LENGTH || data[0] !== 0) return undefined;
  const length = new DataView(data.buffer, data.byteOffset).getUint32(1);
  if (data.length !== PREFIX_LENGTH + length) return undefined;
  const reader = new Reader(data.subarray(PREFIX_LENGTH));
  let status = 0;
  while (!reader.atEnd) {
    const tag = reader.varint();
    if (tag === FIELD_1_VARINT) status = reader.varint();
    else reader.skip(tag & 7);
    if (reader.broken) return undefined;
  }
  return status === SERVING ? "SERVING" : "OTHER";
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}

class Reader {
  broken = false;
  private readonly data: Uint8Array;
  private at = 0;

  constructor(data: Uint8Array) {
    this.data = data;
  }

  get atEnd(): boolean {
    return this.at >= this.data.length;
  }

  /** Exact up to 2^53; what is longer is no status that anyone knows. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 10; shift++) {
      const byte = this.data[this.at++];
      if (byte === undefined) break;
      value += (byte & 0x7f) * 2 ** (7 * shift);
      if (byte < 0x80) return value;
    }
    this.broken = true;
    return 0;
  }

  skip(wire: number): void {
    // Read first: the length itself moves the place that it is added to.
    const length = wire === WIRE.varint || wire === WIRE.bytes ? this.varint() : 0;
    if (wire === WIRE.bytes) this.at += length;
    else if (wire === WIRE.fixed64) this.at += 8;
    else if (wire === WIRE.fixed32) this.at += 4;
    else if (wire !== WIRE.varint) this.broken = true;
    if (this.at > this.data.length) this.broken = true;
  }
}
