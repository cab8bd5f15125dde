/** Version of this package. */
export const version = "0.1.0";

/** What `--help` prints. */
export const help = `weft-types: typed, checked xDS

  weft-types validate FILE…          say what is wrong, with file, line, column and path
  weft-types convert FILE… --to F    write the resources as yaml (default), json, text or binary
  weft-types diff A B                say which resources and fields differ; sensitive values are withheld

FILE holds resources with @type, a discovery response, a bootstrap or a configuration dump. - reads standard input.
What is binary has no lines: problems in it are told by their path, at 1:1, and fields that are not known are left out.
A and B may be patterns with *, ** and ?, in quotes.

  --from F       yaml, which JSON is a part of; text: protobuf's text format, the default for .textproto, .txtpb,
                 .pbtxt and .pb_text; binary: the wire format, the default for .binpb and .pb. Without --type, text
                 and binary are a discovery response
  --type NAME    what a document is that does not say so, such as envoy.config.route.v3.RouteConfiguration
  --format F     validate: text (default), json, github (annotations) or sarif; diff: text or json
  --json         the same as --format json
  --version, --help

Exit codes: 0 in order, or equal · 1 problems found, or different · 2 wrong use, or a file that cannot be read or,
for diff, is not in order

Examples:
  weft-types validate mesh.yaml
  kubectl get cm envoy -o jsonpath='{.data.envoy\\.yaml}' | weft-types validate -
  weft-types convert --type envoy.config.route.v3.RouteConfiguration routes.json --to yaml
  weft-types convert --from binary --type envoy.config.cluster.v3.Cluster - < cluster.bin
`;
