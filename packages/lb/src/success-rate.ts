/** Mean, spread and the line below which a host is an outlier; rates are in percent. */
export interface SuccessRateThreshold {
  /** Mean of the rates. */
  readonly mean: number;
  /** Population standard deviation. */
  readonly stdev: number;
  /** mean − stdev · factor / 1000. Rates strictly below it are outliers. */
  readonly threshold: number;
}

/**
 * Where the line is for hosts with these success rates.
 *
 * @param rates - Percent, at least one.
 * @param stdevFactor - In thousandths; Envoy's default is 1900.
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier#success-rate
 */
export function successRateThreshold(rates: readonly number[], stdevFactor: number): SuccessRateThreshold {
  let sum = 0;
  for (const rate of rates) sum += rate;
  const mean = sum / rates.length;
  let squares = 0;
  for (const rate of rates) squares += (rate - mean) ** 2;
  const stdev = Math.sqrt(squares / rates.length);
  // Multiplied in Envoy's order: hosts strictly below are out, so the last bit counts.
  return { mean, stdev, threshold: mean - (stdevFactor / 1000) * stdev };
}

/** Whether a host with this success rate fails by percentage: Envoy ejects at the threshold, gRPC above it. */
export function failsByPercentage(successRate: number, threshold: number, mode: "envoy" | "grpc" = "envoy"): boolean {
  const failures = 100 - successRate;
  return mode === "grpc" ? failures > threshold : failures >= threshold;
}
