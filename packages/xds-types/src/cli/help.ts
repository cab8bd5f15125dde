/** Version of this package. */
export const version = "0.1.0";

/** What `--help` prints. */
export const help = `weft-types: typed, checked xDS

  weft-types validate FILE…          say what is wrong, with file, line, column and path
  weft-types convert FILE… --to F    write the resources as yaml (default), json or binary

FILE holds YAML or JSON: resources with @type, a discovery response, a bootstrap, a configuration dump. - reads
standard input.

  --type NAME    what a document is that does not say so, such as envoy.config.route.v3.RouteConfiguration
  --json         validate: print resources and issues as JSON
  --version, --help

Exit codes: 0 in order · 1 problems found · 2 wrong use or an unreadable file

Examples:
  weft-types validate mesh.yaml
  kubectl get cm envoy -o jsonpath='{.data.envoy\\.yaml}' | weft-types validate -
  weft-types convert --type envoy.config.route.v3.RouteConfiguration routes.json --to yaml
`;
