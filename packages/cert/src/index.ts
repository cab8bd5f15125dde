/**
 * SPIFFE identity for Node: verification, a CA, rotation and TLS helpers.
 *
 * @packageDocumentation
 */

export {};
