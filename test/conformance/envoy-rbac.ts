/** RBAC policies and requests that a real Envoy judged. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  compileConnectionManager,
  compileRbac,
  fromIncomingMessage,
  localReply,
  type Rbac,
  type RouteRequest,
} from "@weftmesh/router";
import { readConnectionManager, readRbac } from "./router-input.js";
import type { Case, Suite } from "./suite.js";

interface PolicyCase {
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: readonly (readonly [string, string])[];
    readonly source: string;
  };
  readonly status: number;
}

interface PolicyFile {
  readonly connection: { readonly destination_ip: string; readonly destination_port: number; readonly tls: boolean };
  readonly policies: readonly {
    readonly id: string;
    readonly rbac: unknown;
    readonly hcm?: object;
    readonly cases: readonly PolicyCase[];
  }[];
  readonly rejected: readonly { readonly id?: string; readonly rbac: unknown }[];
}

export const suite: Suite = {
  name: "envoy_rbac",
  *cases(dir) {
    for (const name of readdirSync(dir).sort()) {
      if (!name.endsWith(".json")) continue;
      const file = JSON.parse(readFileSync(join(dir, name), "utf8")) as Partial<PolicyFile>;
      if (file.policies === undefined || file.connection === undefined) {
        yield { name, run: () => ({ ok: false, expected: "policies and a connection", got: Object.keys(file) }) };
        continue;
      }
      for (const policy of file.policies) yield* policyCases(policy, file.connection);
      for (const [i, { id, rbac }] of (file.rejected ?? []).entries()) yield rejectedCase(id ?? `rejected ${i}`, rbac);
    }
  },
};

function* policyCases(policy: PolicyFile["policies"][number], connection: PolicyFile["connection"]): Iterable<Case> {
  for (const [i, { request, status }] of policy.cases.entries()) {
    yield {
      name: `${policy.id} ${i}: ${request.method} ${request.path} from ${request.source}`,
      run() {
        const rbac = compileRbac(readRbac(policy.rbac));
        const manager = compileConnectionManager(readConnectionManager(policy.hcm ?? {}));
        const rawHeaders = request.headers.flat();
        const parsed = fromIncomingMessage(
          { method: request.method, url: request.path, httpVersion: "1.1", rawHeaders },
          {
            sourceAddress: request.source,
            destinationAddress: connection.destination_ip,
            destinationPort: connection.destination_port,
          },
        );
        const admission = manager.accept(parsed);
        const got = admission.kind === "reply" ? admission.reply.status : answer(rbac, admission.request);
        return got === status ? { ok: true } : { ok: false, expected: status, got };
      },
    };
  }
}

/** The status a client sees: a gRPC client is refused with 200 and a `grpc-status`. */
function answer(rbac: Rbac, request: RouteRequest): number {
  return rbac.decide(request).allowed ? 200 : localReply(request, 403, "RBAC: access denied").status;
}

function rejectedCase(name: string, rbac: unknown): Case {
  return {
    name,
    run() {
      try {
        compileRbac(readRbac(rbac));
      } catch {
        return { ok: true };
      }
      return { ok: false, expected: "refused", got: "accepted" };
    },
  };
}
