/**
 * The whole Envoy v3 API as typed plain data: codecs, canonical JSON and YAML, checks.
 *
 * @packageDocumentation
 */

export {};
