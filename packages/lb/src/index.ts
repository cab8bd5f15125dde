/**
 * Load balancing, outlier ejection, health and admission with the arithmetic of Envoy.
 *
 * @packageDocumentation
 */

export {};
