/**
 * Envoy's routing decision as a library: which route, and why.
 *
 * @packageDocumentation
 */

export {};
