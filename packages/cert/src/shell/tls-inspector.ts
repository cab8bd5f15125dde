import type { Socket } from "node:net";

/** The first byte of a TLS record that carries a handshake (RFC 8446, 5.1). */
const HANDSHAKE = 0x16;

/**
 * Waits for the first bytes of a connection and says whether they begin a TLS handshake, as Envoy's `tls_inspector`
 * does. Nothing is taken: whoever reads next gets them all. A connection that ends before it says anything is not TLS.
 *
 * @param socket - Freshly accepted, and read by nobody yet.
 */
export function speaksTls(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (): void => {
      socket.off("readable", settle);
      socket.off("close", settle);
      const first: Buffer | null = socket.read();
      if (first) socket.unshift(first);
      resolve(first?.[0] === HANDSHAKE);
    };
    socket.on("readable", settle);
    socket.on("close", settle);
  });
}
