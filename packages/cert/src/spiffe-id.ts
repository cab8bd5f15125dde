import { CertError, type CertErrorCode } from "./errors.js";

declare const brand: unique symbol;

/** Marks strings that a parser has checked; nothing of it is there at run time. */
export interface Brand<Name extends string> {
  /** What the string has been checked to be. */
  readonly [brand]: Name;
}

/** The name of a trust domain, such as `example.org`: checked, lower case, never a DNS name. */
export type TrustDomain = string & Brand<"TrustDomain">;

/** A SPIFFE ID, such as `spiffe://example.org/ns/shop/sa/web`: checked, compared byte by byte with `===`. */
export type SpiffeId = string & Brand<"SpiffeId">;

/** The two limits the standard sets; go-spiffe checks neither. */
const MAX_ID_BYTES = 2048;
const MAX_TRUST_DOMAIN_BYTES = 255;
const PREFIX = "spiffe://";

/** Where an ID went wrong: a code and a sentence; `undefined` means that all is well. */
type Flaw = readonly [CertErrorCode, string] | undefined;

function isTrustDomainChar(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || code === 45 || code === 46 || code === 95;
}

function isSegmentChar(code: number): boolean {
  return isTrustDomainChar(code) || (code >= 65 && code <= 90);
}

function trustDomainFlaw(text: string, from: number, to: number): Flaw {
  if (from === to) return ["ERR_CERT_ID_NO_TRUST_DOMAIN", "the trust domain is missing"];
  for (let i = from; i < to; i++) {
    if (!isTrustDomainChar(text.charCodeAt(i))) {
      return [
        "ERR_CERT_ID_TRUST_DOMAIN_CHAR",
        `the trust domain may hold a-z, 0-9, dot, dash and underscore; byte ${i} is something else`,
      ];
    }
  }
  if (to - from > MAX_TRUST_DOMAIN_BYTES) {
    return ["ERR_CERT_ID_TRUST_DOMAIN_LENGTH", `the trust domain has ${to - from} bytes, at most 255 are allowed`];
  }
  return undefined;
}

function segmentFlaw(text: string, from: number, to: number, last: boolean): Flaw {
  if (from === to) {
    return last
      ? ["ERR_CERT_ID_TRAILING_SLASH", "the path ends in a slash"]
      : ["ERR_CERT_ID_EMPTY_SEGMENT", "the path has an empty segment"];
  }
  if (to - from <= 2 && text.charCodeAt(from) === 46 && text.charCodeAt(to - 1) === 46) {
    return ["ERR_CERT_ID_DOT_SEGMENT", "the path has a dot segment"];
  }
  return undefined;
}

/** Judges `text` from `from`, which is the first slash of the path or the end. */
function pathFlaw(text: string, from: number): Flaw {
  let start = from + 1;
  for (let i = start; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : -1;
    if (code === 47 || code === -1) {
      const flaw = segmentFlaw(text, start, i, code === -1);
      if (flaw) return flaw;
      start = i + 1;
    } else if (!isSegmentChar(code)) {
      return [
        "ERR_CERT_ID_PATH_CHAR",
        `path segments may hold letters, digits, dot, dash and underscore; byte ${i} is something else`,
      ];
    }
  }
  return undefined;
}

function idFlaw(text: string): Flaw {
  if (text === "") return ["ERR_CERT_ID_EMPTY", "a SPIFFE ID cannot be empty"];
  if (!text.startsWith(PREFIX)) return ["ERR_CERT_ID_SCHEME", 'expected "spiffe://" (lower case) in front'];
  const slash = text.indexOf("/", PREFIX.length);
  const end = slash === -1 ? text.length : slash;
  const flaw = trustDomainFlaw(text, PREFIX.length, end) ?? (end === text.length ? undefined : pathFlaw(text, end));
  // Every character is known to be ASCII here, so length counts bytes.
  if (!flaw && text.length > MAX_ID_BYTES) {
    return ["ERR_CERT_ID_LENGTH", `${text.length} bytes, at most ${MAX_ID_BYTES} are allowed`];
  }
  return flaw;
}

function check(flaw: Flaw, path: string): void {
  if (flaw) throw new CertError(flaw[0], path, flaw[1]);
}

/** What can be done with a {@link SpiffeId}; there is one value of this, of the same name. */
export interface SpiffeIdFunctions {
  /**
   * Reads a SPIFFE ID byte by byte: nothing is decoded, lowered or resolved, as `new URL` would do.
   *
   * @param path - How to call the input in an error; default `spiffe_id`.
   * @throws {@link CertError} `ERR_CERT_ID_…`, one code for each rule.
   * @see https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md#2-spiffe-identity
   */
  parse(text: string, path?: string): SpiffeId;
  /** Says whether {@link SpiffeIdFunctions.parse} would accept `text`. */
  is(text: string): text is SpiffeId;
  /**
   * Builds an ID from a trust domain and path segments; no segments make the ID of the trust domain itself.
   *
   * @throws {@link CertError} if a segment is empty, a dot segment, or holds a character that is not allowed.
   */
  fromSegments(trustDomain: TrustDomain, ...segments: readonly string[]): SpiffeId;
  /**
   * Builds an ID from a trust domain and a path such as `/ns/shop/sa/web`; the empty path is allowed.
   *
   * @throws {@link CertError} `ERR_CERT_ID_LEADING_SLASH` and the other path codes.
   */
  fromPath(trustDomain: TrustDomain, path: string): SpiffeId;
  /** The trust domain an ID belongs to. */
  trustDomain(id: SpiffeId): TrustDomain;
  /** The path of an ID, with its leading slash; empty for the ID of a trust domain. */
  path(id: SpiffeId): string;
  /** Says whether an ID belongs to a trust domain. */
  memberOf(id: SpiffeId, trustDomain: TrustDomain): boolean;
}

/** Parses, builds and takes apart SPIFFE IDs. */
export const SpiffeId: SpiffeIdFunctions = {
  parse(text, path = "spiffe_id") {
    check(idFlaw(text), path);
    return text as SpiffeId;
  },
  is(text): text is SpiffeId {
    return idFlaw(text) === undefined;
  },
  fromSegments(trustDomain, ...segments) {
    segments.forEach((segment, index) => {
      const where = `segments[${index}]`;
      check(segmentFlaw(segment, 0, segment.length, false), where);
      for (let i = 0; i < segment.length; i++) {
        if (!isSegmentChar(segment.charCodeAt(i))) {
          throw new CertError("ERR_CERT_ID_PATH_CHAR", where, `byte ${i} is not allowed in a path segment`);
        }
      }
    });
    return SpiffeId.fromPath(trustDomain, segments.map((segment) => `/${segment}`).join(""));
  },
  fromPath(trustDomain, path) {
    if (path !== "" && !path.startsWith("/")) {
      throw new CertError("ERR_CERT_ID_LEADING_SLASH", "path", "a path must start with a slash");
    }
    return SpiffeId.parse(`${PREFIX}${trustDomain}${path}`, "path");
  },
  trustDomain(id) {
    const slash = id.indexOf("/", PREFIX.length);
    return id.slice(PREFIX.length, slash === -1 ? id.length : slash) as TrustDomain;
  },
  path(id) {
    const slash = id.indexOf("/", PREFIX.length);
    return slash === -1 ? "" : id.slice(slash);
  },
  memberOf(id, trustDomain) {
    return SpiffeId.trustDomain(id) === trustDomain;
  },
};

/** What can be done with a {@link TrustDomain}; there is one value of this, of the same name. */
export interface TrustDomainFunctions {
  /**
   * Reads the name of a trust domain, or takes it out of a SPIFFE ID.
   *
   * @param path - How to call the input in an error; default `trust_domain`.
   * @throws {@link CertError} `ERR_CERT_ID_…`, one code for each rule.
   */
  parse(text: string, path?: string): TrustDomain;
  /** The SPIFFE ID of the trust domain itself, which has no path. */
  id(trustDomain: TrustDomain): SpiffeId;
}

/** Parses trust domains. */
export const TrustDomain: TrustDomainFunctions = {
  parse(text, path = "trust_domain") {
    if (text === "") throw new CertError("ERR_CERT_ID_EMPTY", path, "a trust domain cannot be empty");
    // A name never holds ":/", so whoever writes one means an ID and gets an ID's errors.
    if (text.includes(":/")) return SpiffeId.trustDomain(SpiffeId.parse(text, path));
    check(trustDomainFlaw(text, 0, text.length), path);
    return text as TrustDomain;
  },
  id(trustDomain) {
    return `${PREFIX}${trustDomain}` as SpiffeId;
  },
};
