/**
 * The traffic-capture rules of istio-iptables: generated, explained, verified, removed.
 *
 * @packageDocumentation
 */

export {};
