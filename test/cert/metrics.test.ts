import { createCa, createCsr, SpiffeId } from "@weftmesh/cert";
import { citadelMetrics, formatMetrics, sharedTokens } from "@weftmesh/cert/services";
import { expect, test } from "vitest";
import { createCertificate } from "../../packages/cert/src/certificate-service.js";

const NOW = Date.UTC(2027, 0, 1);
const HOUR = 3_600_000;

// The names and the label are those of istio's security/pkg/server/ca/monitoring.go.
test("a certificate service is counted under Citadel's names", async () => {
  const clock = { now: () => NOW };
  const ca = createCa({ trustDomain: "td.test", clock, rootTtlMs: HOUR });
  const metrics = citadelMetrics(ca);
  const authenticators = [sharedTokens(new Map([["t", SpiffeId.parse("spiffe://td.test/web")]]))];
  const ask = async (csr: string, token = "t", validitySeconds = 0): Promise<void> => {
    const evidence = { header: () => `Bearer ${token}`, peer: undefined, remoteAddress: "127.0.0.1" };
    metrics.record(await createCertificate({ ca, authenticators }, { csr, validitySeconds, metadata: {} }, evidence));
  };
  const { pem } = createCsr();
  await ask(pem);
  await ask(pem);
  await ask(pem, "wrong");
  await ask("no request");
  await ask(pem, "t", 91 * 86_400);
  expect(formatMetrics(metrics.read(NOW + HOUR / 2)).replaceAll(/^#.*\n/gm, "")).toBe(
    `citadel_server_csr_count 5
citadel_server_authentication_failure_count 1
citadel_server_csr_parsing_err_count 1
citadel_server_id_extraction_err_count 0
citadel_server_csr_sign_err_count{error="TTL_ERROR"} 1
citadel_server_success_cert_issuance_count 2
citadel_server_root_cert_expiry_timestamp ${(NOW + HOUR) / 1000}
citadel_server_root_cert_expiry_seconds 1800
citadel_server_cert_chain_expiry_timestamp ${(NOW + HOUR) / 1000}
citadel_server_cert_chain_expiry_seconds 1800
`,
  );
});
