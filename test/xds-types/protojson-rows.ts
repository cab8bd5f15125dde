/**
 * The rules of ProtoJSON (https://protobuf.dev/programming-guides/json/) that specs: xds 5.2 lists, each as inputs with the
 * canonical form that the rule gives them.
 */

/** The verdict on what is not the JSON of its type. */
export const refused = "refused";

/** One input. */
export interface Row {
  readonly rule: string;
  readonly name: string;
  readonly type: string;
  readonly json: unknown;
  /** What the rule says that this is written as, or {@link refused}. */
  readonly canonical: unknown;
  /** Why protobuf-es says something else. */
  readonly differs?: string;
}

type Case = readonly [name: string, json: unknown, canonical: unknown, differs?: string];

function cases(rule: string, type: string, ...all: readonly Case[]): readonly Row[] {
  return all.map(([name, json, canonical, differs]) => ({
    rule,
    name,
    type,
    json,
    canonical,
    ...(differs === undefined ? {} : { differs }),
  }));
}

/** The same for inputs of one field: name, value and what the value is written as. */
function values(rule: string, type: string, field: string, ...all: readonly Case[]): readonly Row[] {
  return cases(
    rule,
    type,
    ...all.map(([name, json, canonical, differs]): Case => {
      const written = canonical === refused ? refused : canonical === undefined ? {} : { [field]: canonical };
      return differs === undefined ? [name, { [field]: json }, written] : [name, { [field]: json }, written, differs];
    }),
  );
}

const cluster = "envoy.config.cluster.v3.Cluster";
const any = "google.protobuf.Any";
const url = (type: string): string => `type.googleapis.com/${type}`;

const lenientEnum = "Envoy's loader takes names in any case";
const lenientBool = "Envoy's loader takes other spellings of a boolean";
const lenientList = "Envoy's loader takes a value alone for a list of one";
const lenientWrapper = "Envoy's loader takes a wrapper as the message it is";
const lenientDuration = "Envoy's loader takes a duration as the message it is";

const names: readonly Row[] = [
  ...cases(
    "either spelling of a field in, camelCase out; unknown fields are errors",
    cluster,
    ["camelCase", { connectTimeout: "1s" }, { connectTimeout: "1s" }],
    ["snake_case", { connect_timeout: "1s" }, { connectTimeout: "1s" }],
    [
      "both, the later one counts",
      { connect_timeout: "1s", connectTimeout: "2s" },
      { connectTimeout: "2s" },
      "Envoy's loader takes both spellings of a field",
    ],
    ["an unknown field", { name: "c", nonsense: 1 }, refused],
    ["a field in another case", { Name: "c" }, refused],
    ["a list for a message", [], refused],
    ["a string for a message", "c", refused],
    ["null for a message", null, refused],
  ),
  ...cases(
    "null is an absent field, and no element of a list or map",
    cluster,
    ["a scalar", { name: null }, {}],
    ["a message", { connectTimeout: null }, {}],
    ["a list", { healthChecks: null }, {}],
    ["a map", { typedExtensionProtocolOptions: null }, {}],
    ["an enum", { lbPolicy: null }, {}],
    ["an element of a list", { healthChecks: [null] }, refused],
    ["an element of a map", { typedExtensionProtocolOptions: { a: null } }, refused],
  ),
  ...cases(
    "defaults are not written",
    cluster,
    ["a scalar", { name: "", respectDnsTtl: false }, {}],
    ["an empty list", { healthChecks: [] }, {}],
    ["an empty map", { typedExtensionProtocolOptions: {} }, {}],
    ["an empty message is there", { upstreamConnectionOptions: {} }, { upstreamConnectionOptions: {} }],
    ["the default of an enum in a oneof is there", { type: "STATIC" }, { type: "STATIC" }],
  ),
];

const scalars: readonly Row[] = [
  ...values(
    "64-bit integers are strings, exact",
    "envoy.type.v3.Int64Range",
    "start",
    ["a number", 7, "7"],
    ["a string", "7", "7"],
    ["beyond a double", "9007199254740993", "9007199254740993"],
    ["the largest", "9223372036854775807", "9223372036854775807"],
    ["the smallest", "-9223372036854775808", "-9223372036854775808"],
    ["one too large", "9223372036854775808", refused],
    ["one too small", "-9223372036854775809", refused],
    ["a fraction", 1.5, refused],
    ["letters", "seven", refused],
    ["an empty string", "", refused],
    ["a boolean", true, refused],
  ),
  ...values(
    "32-bit integers are numbers",
    "envoy.type.v3.Int32Range",
    "start",
    ["a number", -7, -7],
    ["a string", "-7", -7],
    ["the largest", 2147483647, 2147483647],
    ["the smallest", -2147483648, -2147483648],
    ["one too large", 2147483648, refused],
    ["one too small", -2147483649, refused],
    ["a whole float", 3.0, 3],
    ["an exponent in a string", "1e2", 100],
    ["a whole fraction in a string", "3.0", 3],
    ["a fraction", 0.5, refused],
    ["a fraction in a string", "0.5", refused],
    ["blanks in front", " 1", refused],
    ["blanks behind", "1 ", refused],
    ["hexadecimal", "0x1F", 31],
    ["a leading zero", "03", 3],
    ["an empty string", "", refused],
    ["a boolean", true, refused],
    ["a list", [1], refused],
    ["an object", {}, refused],
  ),
  ...values(
    "doubles are numbers, NaN and the infinities strings",
    "envoy.type.v3.DoubleRange",
    "start",
    ["a number", 1.5, 1.5],
    ["a string", "1.5", 1.5],
    ["an exponent", "-2.5e-3", -0.0025],
    ["NaN", "NaN", "NaN"],
    ["Infinity", "Infinity", "Infinity"],
    ["-Infinity", "-Infinity", "-Infinity"],
    ["nan in small letters", "nan", refused],
    ["inf", "inf", refused],
    ["too large", "1e309", refused],
    ["blanks", " 1", refused],
    ["an empty string", "", refused],
    ["a boolean", false, refused],
  ),
  ...values(
    "booleans",
    cluster,
    "respectDnsTtl",
    ["true", true, true],
    ["false", false, undefined],
    ["a quoted one", "true", true, lenientBool],
    ["another word", "yes", true, lenientBool],
    ["a number", 1, refused],
  ),
  ...values(
    "strings",
    cluster,
    "name",
    ["any text", "é😀", "é😀"],
    ["a number", 1, refused],
    ["a boolean", true, refused],
    ["a list", ["a"], refused],
    ["half a surrogate pair", "\ud800", refused],
  ),
  ...values(
    "bytes are base64, either alphabet, padded or not",
    "envoy.config.core.v3.DataSource",
    "inlineBytes",
    ["padded", "AQI=", "AQI="],
    ["not padded", "AQI", "AQI="],
    ["standard alphabet", "+/+/", "+/+/"],
    ["URL alphabet", "-_-_", "+/+/"],
    ["empty in a oneof", "", ""],
    ["no base64", "*", refused],
    ["a number", 1, refused],
  ),
  ...values(
    "enums by name or number, written by name",
    cluster,
    "lbPolicy",
    ["a name", "RING_HASH", "RING_HASH"],
    ["a number", 2, "RING_HASH"],
    ["an unknown number", 99, 99],
    ["an unknown name", "NO_SUCH", refused],
    ["a name in another case", "ring_hash", "RING_HASH", lenientEnum],
    ["a fraction", 1.5, refused],
    ["a boolean", true, refused],
  ),
];

const composites: readonly Row[] = [
  ...values(
    "lists of messages",
    cluster,
    "healthChecks",
    ["some", [{}, {}], [{}, {}]],
    ["a value alone", {}, [{}], lenientList],
    ["a string", "x", refused],
  ),
  ...values(
    "maps",
    "envoy.config.core.v3.Metadata",
    "filterMetadata",
    ["entries", { b: { x: 1 }, a: {} }, { a: {}, b: { x: 1 } }],
    ["a key such as __proto__", JSON.parse('{"__proto__":{}}'), JSON.parse('{"__proto__":{}}')],
    ["a list", [], refused],
    ["a string", "x", refused],
  ),
  ...cases(
    "at most one member of a oneof",
    "envoy.config.route.v3.RouteMatch",
    ["one", { prefix: "/" }, { prefix: "/" }],
    ["two", { prefix: "/", path: "/a" }, refused],
    ["two, one of them null", { prefix: "/", path: null }, { prefix: "/" }],
  ),
];

const wellKnown: readonly Row[] = [
  ...values(
    "durations",
    cluster,
    "connectTimeout",
    ["seconds", "1s", "1s"],
    ["fractions", "1.5s", "1.500s"],
    ["nanoseconds", "0.000000001s", "0.000000001s"],
    ["microseconds", "0.000001s", "0.000001s"],
    ["negative", "-1.5s", "-1.500s"],
    ["negative below a second", "-0.25s", "-0.250s"],
    ["zero", "0s", "0s"],
    ["the largest", "315576000000s", "315576000000s"],
    ["the smallest", "-315576000000s", "-315576000000s"],
    ["one too large", "315576000001s", refused],
    ["no unit", "1", refused],
    ["another unit", "1ms", refused],
    ["ten digits after the point", "1.0000000001s", refused],
    ["a number", 1, refused],
    ["an empty string", "", refused],
    ["the message", { seconds: 25 }, "25s", lenientDuration],
  ),
  ...cases(
    "timestamps",
    "google.protobuf.Timestamp",
    ["UTC", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"],
    ["milliseconds", "2026-01-02T03:04:05.120Z", "2026-01-02T03:04:05.120Z"],
    ["nanoseconds", "2026-01-02T03:04:05.000000001Z", "2026-01-02T03:04:05.000000001Z"],
    ["an offset", "2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05Z"],
    ["a negative offset", "2026-01-02T23:04:05-08:30", "2026-01-03T07:34:05Z"],
    ["before 1970", "1969-12-31T23:59:59.500Z", "1969-12-31T23:59:59.500Z"],
    ["the first", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"],
    ["the last", "9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"],
    ["the year 0", "0000-12-31T23:59:59Z", refused],
    ["no zone", "2026-01-02T03:04:05", refused],
    ["a blank for the T", "2026-01-02 03:04:05Z", refused],
    ["small letters", "2026-01-02t03:04:05z", refused],
    [
      "a day that is not",
      "2026-02-30T00:00:00Z",
      refused,
      "protobuf-es leaves it to Date.parse, which takes it for 2 March",
    ],
    ["a number", 0, refused],
  ),
  ...[
    ["Double", 1.5, 1.5],
    ["Double", "NaN", "NaN"],
    ["Float", 0.5, 0.5],
    ["Int64", "9007199254740993", "9007199254740993"],
    ["UInt64", "18446744073709551615", "18446744073709551615"],
    ["UInt64", "-1", refused],
    ["Int32", -1, -1],
    ["UInt32", 4294967295, 4294967295],
    ["UInt32", 4294967296, refused],
    ["UInt32", -1, refused],
    ["Bool", false, false],
    ["Bool", 0, refused],
    ["String", "", ""],
    ["String", 1, refused],
    ["Bytes", "AQI=", "AQI="],
    ["Float", 1e39, refused],
    ["Double", {}, refused],
  ].flatMap(([name, json, canonical]) =>
    cases("wrappers are bare values", `google.protobuf.${name}Value`, [
      `${name} ${JSON.stringify(json)}`,
      json,
      canonical,
    ]),
  ),
  ...values(
    "wrappers in a field",
    cluster,
    "perConnectionBufferLimitBytes",
    ["the default is there", 0, 0],
    ["null is absent", null, undefined],
    ["the message", { value: 7 }, 7, lenientWrapper],
  ),
  ...cases(
    "Struct, Value and ListValue are JSON itself",
    "google.protobuf.Struct",
    ["an object", { a: null, b: [1, "x", true, { c: {} }] }, { a: null, b: [1, "x", true, { c: {} }] }],
    ["a list", [], refused],
    ["a string", "a", refused],
  ),
  ...[null, true, 1.5, "text", [], {}, [null], { a: { b: [] } }].flatMap((json) =>
    cases("Struct, Value and ListValue are JSON itself", "google.protobuf.Value", [JSON.stringify(json), json, json]),
  ),
  ...cases(
    "Struct, Value and ListValue are JSON itself",
    "google.protobuf.ListValue",
    ["a list", [null, [1]], [null, [1]]],
    ["an object for a list", {}, refused],
  ),
  ...cases(
    "Empty",
    "google.protobuf.Empty",
    ["an object", {}, {}],
    ["a field", { a: 1 }, refused],
    ["a list", [], refused],
  ),
  ...cases(
    "Any: the fields beside @type",
    any,
    ["a message", { "@type": url(cluster), name: "c" }, { "@type": url(cluster), name: "c" }],
    ["@type last", { name: "c", "@type": url(cluster) }, { "@type": url(cluster), name: "c" }],
    ["snake_case", { "@type": url(cluster), connect_timeout: "1s" }, { "@type": url(cluster), connectTimeout: "1s" }],
    ["an empty message", { "@type": url(cluster) }, { "@type": url(cluster) }],
    [
      "a type with a form of its own",
      { "@type": url("google.protobuf.Duration"), value: "1.500s" },
      { "@type": url("google.protobuf.Duration"), value: "1.500s" },
    ],
    [
      "a wrapper",
      { "@type": url("google.protobuf.UInt32Value"), value: 3 },
      { "@type": url("google.protobuf.UInt32Value"), value: 3 },
    ],
    [
      "a Struct",
      { "@type": url("google.protobuf.Struct"), value: { a: 1 } },
      { "@type": url("google.protobuf.Struct"), value: { a: 1 } },
    ],
    [
      "an Any in an Any",
      { "@type": url(any), value: { "@type": url(cluster), name: "c" } },
      { "@type": url(any), value: { "@type": url(cluster), name: "c" } },
    ],
    ["nothing", {}, {}],
    ["no @type", { name: "c" }, refused],
    ["an empty @type", { "@type": "", name: "c" }, refused],
    ["an unknown type", { "@type": "type.googleapis.com/no.Such", a: 1 }, refused],
    ["an unknown field", { "@type": url(cluster), nonsense: 1 }, refused],
    ["a string", "x", refused],
  ),
];

export const rows: readonly Row[] = [...names, ...scalars, ...composites, ...wellKnown];
