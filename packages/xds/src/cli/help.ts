/** What `weft-xds --help` prints. */
export const USAGE = `usage: weft-xds COMMAND

xDS is how proxies get their configuration: a server pushes resources (listeners, routes, clusters, endpoints, secrets), the
client accepts (ACK) or refuses (NACK) each response. State of the world (SotW) repeats whole sets, delta sends changes.

  serve DIR             publish the YAML and JSON files of a folder to every client, and follow changes of the files
  watch SERVER TYPE [NAME…]
                        subscribe and print what changes; without names, everything
  monitor SERVER        stand between clients and a server and report who breaks which rule of the protocol
  replay JOURNAL        play what monitor recorded to the server of this build, and say what it would send differently
  plan FROM TO          print how clients would be taken from one folder to another, without doing it

weft-xds COMMAND --help says more about each.

Options of all:
  --json                one JSON object a line
  --help, --version

Examples:
  weft-xds serve ./config
  weft-xds watch 127.0.0.1:15010 cluster

Exit status: 0 ended on request · 1 failed while running, or something was found · 2 wrong arguments or input
`;

/** What `weft-xds COMMAND --help` prints. */
export const COMMAND_USAGE: Readonly<Record<string, string>> = {
  serve: `usage: weft-xds serve DIR [--listen ADDRESS] [--rest ADDRESS] [--json]

Publishes every .yaml, .yml and .json file of a folder to every client that connects: state of the world and delta, on the
aggregated stream and on those of the single types, all on one port. Files hold resources with "@type", one or many.

A change of a file is published as soon as the files are still for 100 ms. Clusters go out before the routes that lead to
them and are taken away after. A file that is broken changes nothing: what was good stays published.

It prints who connects, who accepts which version, and who refuses what: with the file, line and column it came from.

  --listen ADDRESS      host:port or unix:PATH (default 127.0.0.1:15010)
  --rest ADDRESS        also answer POST /v3/discovery:clusters and its siblings there
  --json                one JSON object a line: listening, connected, sent, ack, nack, published, disconnected

Examples:
  weft-xds serve ./config
  weft-xds serve ./config --listen 0.0.0.0:15010 --rest 127.0.0.1:15012
`,
  watch: `usage: weft-xds watch SERVER TYPE [NAME…] [--node ID] [--cluster NAME] [--sotw] [--json]

Subscribes as a proxy would and prints what changes: ~ is there or has changed, - is gone, ? does not exist, ! a problem.
Resources are checked with the rules of the schema; one that breaks them is refused, as Envoy would.

TYPE is a short name (CDS, RDS, …), a message name (Cluster) or a whole type URL. Without names it asks for everything.

  --node ID             who to be: many servers give each node its own configuration (default weft-xds)
  --cluster NAME        the node's cluster
  --sotw                speak state of the world in place of delta
  --json                one JSON object a line: updated, removed, missing, error

Examples:
  weft-xds watch 127.0.0.1:15010 cluster
  weft-xds watch 127.0.0.1:15010 RDS shop --node sidecar-1 --json
`,
  monitor: `usage: weft-xds monitor SERVER [--listen ADDRESS] [--journal FILE] [--strict] [--json]

Stands between clients and a server, passes every message on as it is, and prints each breach of the protocol by either side
with the id of the rule: S3 sends refused content again, S9 a name twice in one response, D1 versions too late, D5 an
answer to nothing, D6 a resource of another type, V6 no node, V8 more than 4 MiB, and so on. What only the content of
resources could tell, and silence, it does not judge.

  --listen ADDRESS      host:port or unix:PATH that clients are pointed at (default 127.0.0.1:15011)
  --journal FILE        record all messages, a line each: names, versions and fingerprints, no contents
  --strict              exit status 1 if anything was reported
  --json                one JSON object a line: listening, breach, ended

Examples:
  weft-xds monitor istiod:15010 --journal today.jsonl
  weft-xds replay today.jsonl
`,
  replay: `usage: weft-xds replay JOURNAL [--json]

Plays the requests of a journal to the server of this build. Where it would send other names than were recorded, it prints
the line of the journal and both. Exit status 1 if anything differs.

Example:
  weft-xds replay today.jsonl
`,
  plan: `usage: weft-xds plan FROM TO [--json]

Prints how a server takes its clients from one configuration to another without an interruption: what is referred to is
added, then what refers to it moves, then what is left is removed, each phase after the last was acknowledged. It checks that
nothing a client holds refers to something it has not, in any phase. Exit status 1 if something would.

Example:
  weft-xds plan ./config ./config.new
`,
};
