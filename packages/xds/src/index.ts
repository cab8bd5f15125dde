/**
 * The xDS protocol, both sides, all variants.
 *
 * @packageDocumentation
 */

export {};
