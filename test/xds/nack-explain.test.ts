import { describe, expect, test } from "vitest";
import { describeFindings, explainNack } from "../../packages/xds/src/nack-explain.js";

describe("E6: explainNack", () => {
  test.each([
    {
      name: "our own message, one line a problem",
      message: 'resource "a: \\"b\\"" at filter_chains[0].name: it is bad (ERR_X)\nresource "c": broken',
      sent: ['a: "b"', "c"],
      expected: [
        { resource: 'a: "b"', field: "filter_chains[0].name", reason: "it is bad (ERR_X)" },
        { resource: "c", reason: "broken" },
      ],
    },
    {
      name: "Envoy's clusters, separated by commas that also stand in the reasons",
      message: "Error adding/updating cluster(s) a: one, two: three, b.c: four",
      sent: ["a", "b.c", "d"],
      expected: [
        { resource: "a", reason: "one, two: three" },
        { resource: "b.c", reason: "four" },
      ],
    },
    {
      name: "Envoy's listeners, one a line, with the path of a structure rule",
      message:
        "Error adding/updating listener(s) l: Proto constraint validation failed (HttpConnectionManagerValidationError.RouteConfig: embedded message failed validation | caused by RouteConfigurationValidationError.VirtualHosts[0]: embedded message failed validation | caused by VirtualHostValidationError.Domains: value must contain at least 1 item(s)): x\n",
      sent: ["l", "m"],
      expected: [
        {
          resource: "l",
          field: "route_config.virtual_hosts[0].domains",
          reason:
            "Proto constraint validation failed (HttpConnectionManagerValidationError.RouteConfig: embedded message failed validation | caused by RouteConfigurationValidationError.VirtualHosts[0]: embedded message failed validation | caused by VirtualHostValidationError.Domains: value must contain at least 1 item(s)): x",
        },
      ],
    },
    {
      name: "a name mentioned in prose, the longest one as a word of its own",
      message: 'resource "cluster-ab" of type Cluster: no lb_policy',
      sent: ["cluster-a", "cluster-ab", "cluster"],
      expected: [{ resource: "cluster-ab", reason: 'resource "cluster-ab" of type Cluster: no lb_policy' }],
    },
    {
      name: "a response of one resource, whatever the message says",
      message: "nonsense",
      sent: ["only"],
      expected: [{ resource: "only", reason: "nonsense" }],
    },
    { name: "a message that tells nothing", message: "no", sent: ["a", "b"], expected: [{ reason: "no" }] },
    { name: "an empty message", message: "", sent: [], expected: [{ reason: "" }] },
  ])("$name", ({ message, sent, expected }) => {
    expect(explainNack(message, sent)).toEqual(expected);
  });

  test("what describeFindings writes is read back", () => {
    const findings = new Map([
      ['odd "name"\\ at x: y', [{ path: "a.b[0]", message: "a.b[0]: wrong\nthing (ERR_Y)", code: "ERR_Y" }]],
      ["b", [{ path: "", message: "whole", code: "ERR_Z" }]],
    ]);
    expect(explainNack(describeFindings(findings), [...findings.keys()])).toEqual([
      { resource: 'odd "name"\\ at x: y', field: "a.b[0]", reason: "wrong thing (ERR_Y)" },
      { resource: "b", reason: "whole (ERR_Z)" },
    ]);
  });
});
