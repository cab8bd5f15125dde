import type { Ca } from "./ca.js";
import type { ServiceAnswer } from "./certificate-service.js";
import type { CertErrorCode } from "./errors.js";

/** A figure under the name that Citadel gives it. */
export interface Metric {
  /** Such as `citadel_server_csr_count`. */
  readonly name: string;
  /** Counters only grow; gauges are as they are now. */
  readonly kind: "counter" | "gauge";
  /** What it says. */
  readonly help: string;
  /** Labels, for the counter that has some. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Its value now. */
  readonly value: number;
}

/** Counts what a certificate service answers. */
export interface CitadelMetrics {
  /** For `onAnswer` of the certificate service. */
  record(answer: ServiceAnswer): void;
  /**
   * All figures.
   *
   * @param now - Milliseconds since 1970.
   */
  read(now: number): readonly Metric[];
}

type Counter = keyof typeof COUNTERS;

const COUNTERS = {
  citadel_server_csr_count: "The number of CSRs received.",
  citadel_server_authentication_failure_count: "The number of authentication failures.",
  citadel_server_csr_parsing_err_count: "The number of errors occurred when parsing the CSR.",
  citadel_server_id_extraction_err_count: "The number of errors occurred when extracting the ID from CSR.",
  citadel_server_csr_sign_err_count: "The number of errors occurred when signing the CSR.",
  citadel_server_success_cert_issuance_count: "The number of certificates issuances that have succeeded.",
} as const;

/** The counter of a refusal, and what Citadel labels it with. */
function counterOf(code: CertErrorCode): readonly [Counter, string?] {
  switch (code) {
    case "ERR_CERT_UNAUTHENTICATED":
      return ["citadel_server_authentication_failure_count"];
    case "ERR_CERT_CSR_MALFORMED":
    case "ERR_CERT_CSR_TOO_LARGE":
    case "ERR_CERT_PEM":
    case "ERR_CERT_DER":
      return ["citadel_server_csr_parsing_err_count"];
    case "ERR_CERT_TTL":
      return ["citadel_server_csr_sign_err_count", "TTL_ERROR"];
    case "ERR_CERT_CA_NOT_READY":
      return ["citadel_server_csr_sign_err_count", "CA_NOT_READY"];
    case "ERR_CERT_CSR_SIGNATURE":
    case "ERR_CERT_CSR_POLICY":
    case "ERR_CERT_WEAK_KEY":
    case "ERR_CERT_UNSUPPORTED_KEY":
      return ["citadel_server_csr_sign_err_count", "CSR_ERROR"];
    default:
      return ["citadel_server_csr_sign_err_count", "CERT_GEN_ERROR"];
  }
}

/**
 * Keeps Citadel's figures for a CA.
 *
 * @see https://github.com/istio/istio/blob/master/security/pkg/server/ca/monitoring.go
 */
export function citadelMetrics(ca: Ca): CitadelMetrics {
  const counts = new Map<Counter, number>();
  const signErrors = new Map<string, number>();
  const add = (name: Counter): unknown => counts.set(name, (counts.get(name) ?? 0) + 1);
  return {
    record(answer) {
      add("citadel_server_csr_count");
      if (answer.kind === "issued") {
        add("citadel_server_success_cert_issuance_count");
        return;
      }
      const [name, error] = counterOf(answer.code);
      add(name);
      if (error !== undefined) signErrors.set(error, (signErrors.get(error) ?? 0) + 1);
    },
    read(now) {
      const counters = (Object.keys(COUNTERS) as Counter[]).flatMap((name): readonly Metric[] => {
        const metric = { name, kind: "counter", help: COUNTERS[name] } as const;
        return name !== "citadel_server_csr_sign_err_count"
          ? [{ ...metric, value: counts.get(name) ?? 0 }]
          : [...signErrors].map(([error, value]) => ({ ...metric, labels: { error }, value }));
      });
      const ends = (subject: string, what: string, at: number): readonly Metric[] => [
        {
          name: `citadel_server_${subject}_expiry_timestamp`,
          kind: "gauge",
          help: `The unix timestamp, in seconds, when the ${what} will expire.`,
          value: at / 1000,
        },
        {
          name: `citadel_server_${subject}_expiry_seconds`,
          kind: "gauge",
          help: `The time remaining, in seconds, before the ${what} will expire. Negative once it has.`,
          value: (at - now) / 1000,
        },
      ];
      const roots = ca.bundle().x509Authorities.map(({ notAfter }) => notAfter);
      return [
        ...counters,
        ...ends("root_cert", "root certificate", Math.min(...roots)),
        ...ends("cert_chain", "certificate chain", ca.issuer.notAfter),
      ];
    },
  };
}

/** Writes figures as Prometheus reads them. */
export function formatMetrics(metrics: readonly Metric[]): string {
  const described = new Set<string>();
  return metrics
    .map(({ name, kind, help, labels, value }) => {
      const head = described.has(name) ? "" : `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`;
      described.add(name);
      const pairs = Object.entries(labels ?? {}).map(([label, text]) => `${label}="${text}"`);
      return `${head}${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
    })
    .join("");
}
