/**
 * A 64-bit integer in two signed 32-bit halves with the few operations hash functions need. It is changed in place, so
 * a hash allocates one of these at most; V8 keeps the halves as small integers.
 */
export class Word64 {
  hi: number;
  lo: number;

  constructor(hi: number, lo: number) {
    this.hi = hi | 0;
    this.lo = lo | 0;
  }

  set(hi: number, lo: number): void {
    this.hi = hi | 0;
    this.lo = lo | 0;
  }

  add(hi: number, lo: number): void {
    const sum = (this.lo + lo) | 0;
    this.hi = (this.hi + hi + (sum >>> 0 < lo >>> 0 ? 1 : 0)) | 0;
    this.lo = sum;
  }

  xor(hi: number, lo: number): void {
    this.hi ^= hi;
    this.lo ^= lo;
  }

  /** Multiplies modulo 2^64 in 16-bit pieces, so that everything stays in 32-bit integers. */
  multiply(hi: number, lo: number): void {
    const a0 = this.lo & 0xffff;
    const a1 = this.lo >>> 16;
    const b0 = lo & 0xffff;
    const b1 = lo >>> 16;
    const low = Math.imul(a0, b0);
    const cross = Math.imul(a0, b1);
    const other = Math.imul(a1, b0);
    const middle = (low >>> 16) + (cross & 0xffff) + (other & 0xffff);
    const carry = (Math.imul(a1, b1) + (cross >>> 16) + (other >>> 16) + (middle >>> 16)) | 0;
    this.hi = (carry + Math.imul(this.hi, lo) + Math.imul(this.lo, hi)) | 0;
    this.lo = (middle << 16) | (low & 0xffff);
  }

  /** Rotates left by 1 to 31 bits. */
  rotate(bits: number): void {
    const { hi, lo } = this;
    this.hi = (hi << bits) | (lo >>> (32 - bits));
    this.lo = (lo << bits) | (hi >>> (32 - bits));
  }

  /** `this ^= this >>> bits` for 1 to 63 bits. */
  xorShiftRight(bits: number): void {
    const { hi, lo } = this;
    if (bits < 32) {
      this.hi = hi ^ (hi >>> bits);
      this.lo = lo ^ ((lo >>> bits) | (hi << (32 - bits)));
    } else {
      this.lo = bits === 32 ? lo ^ hi : lo ^ (hi >>> (bits - 32));
    }
  }
}

/** Four bytes as a little-endian integer. */
export function readWord(bytes: Uint8Array, offset: number): number {
  return (
    (bytes[offset] as number) |
    ((bytes[offset + 1] as number) << 8) |
    ((bytes[offset + 2] as number) << 16) |
    ((bytes[offset + 3] as number) << 24)
  );
}
