/** The commands there are. */
export type Command = "simulate" | "lint";

const SIMULATE = "weft-lb simulate SCENARIO.yaml [--json] [--svg FILE] [--seed N] [--requests N]";
const LINT = "weft-lb lint CONFIG [--json] [--rps N] [--latency-ms N] [--zone ZONE --callers ZONE=N,ZONE=N]";

const EXIT = "Exit: 0 done (lint: no warning), 1 lint has warnings, 2 bad input or usage";

/** `weft-lb --help` */
export const USAGE: string = `usage: ${SIMULATE}
       ${LINT}

simulate  Plays a scenario in virtual time against each of its candidates and prints a table.
lint      Says what the clusters of a configuration mean in numbers.

-         reads standard input instead of a file
--json    prints the report as JSON
--help    after a command: what its input and its output look like
--version prints the version

examples:
  weft-lb simulate scenarios/slow-host.yaml --svg slow-host.svg
  weft-lb lint envoy.yaml --rps 200 --latency-ms 40

${EXIT}`;

/** `weft-lb COMMAND --help` */
export const HELP: Readonly<Record<Command, string>> = {
  simulate: `usage: ${SIMULATE}

Plays the same traffic in virtual time against each candidate of a scenario. The same file and seed give the same bytes.

--svg FILE    also writes the latencies as a picture
--seed N      another seed than the scenario's, a whole number from 0
--requests N  another number of requests, 1 to 20 million
--json        prints the report as JSON, with the requests of each host
-             reads standard input instead of a file

A scenario; what is in brackets may be absent and shows the default:

  name: one slow host
  requests: 60000              # of all clients together
  requestsPerSecond: 2000
  [seed: 1]
  [arrivals: poisson]          # or constant
  [clients: 1]                 # each balances on its own
  [retries: 0]                 # further attempts after a failure, on other hosts, as far as max_retries or the budget goes
  [keys: 0]                    # different request hashes
  servers:                     # hosts are web-0, web-1, ...
  - name: web
    count: 10                  # without it 1
    [weight: 1]
    [priority: 0]              # also zone and metadata, without them none
    [serviceMs: 10]            # mean time to serve a request
    [distribution: exponential]  # or constant
    [concurrency: 8]           # requests served at a time; others wait
    [failureRate: 0]           # 0 to 1, answered with 503
    [failureMs: 1]             # time a failed answer takes
  events:                      # at seconds: new behaviour, health, or hosts that go and come back
  - { at: 10, hosts: [web-3], serviceMs: 100 }
  - { at: 20, hosts: [web], health: UNHEALTHY }  # UNKNOWN HEALTHY UNHEALTHY DRAINING TIMEOUT DEGRADED
  - { at: 30, hosts: [web-3], remove: true }     # or add: true
  candidates:
  - { name: round robin, cluster: { lb_policy: ROUND_ROBIN } }  # any fields of an Envoy Cluster but its hosts
  - { name: peak EWMA, policy: peak_ewma }                      # the policy Envoy does not have

The table: latency in ms of requests that ended well; requests that failed after all attempts, had no host, were tried
again; ejections; least and most, the smallest and the largest share of the attempts a host got; unfair, the standard
deviation of shares by weight over their mean (0 is fair); moved, the share of keys that had more than one host.

Six scenarios with their output are in the package's folder scenarios/.

${EXIT}`,
  lint: `usage: ${LINT}

Says what the clusters of a configuration mean in numbers. Everything it speaks of is valid. A warning names what cannot
work as configured (exit 1); a note gives a number that is good to know.

CONFIG: YAML or JSON with Cluster resources, bare or in a bootstrap, a discovery response or a configuration dump; what
        has no @type counts as a Cluster. The ClusterLoadAssignment of an EDS cluster may be in the same file. - reads
        standard input

--rps N          requests per second to each cluster, for what depends on the load
--latency-ms N   mean time of a request. Default: 100
--zone ZONE      the caller's zone, and
--callers LIST   the hosts of the caller's own cluster by zone, such as a=3,b=3: for zone aware routing
--json           prints the findings as a JSON list: rule, severity, path, message, cluster, file, line, column

A line: FILE:LINE:COLUMN CLUSTER: FIELD: SEVERITY: what it means (RULE)

${EXIT}`,
};

/** Ends a message about wrong usage. */
export const HINT = "; try weft-lb --help";
