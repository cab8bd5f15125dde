import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { LastGoodStore, StoredResource } from "../client/last-good.js";

/**
 * Keeps accepted resources in a file, replaced by a move. Readable by its owner only.
 *
 * @param onError - Told when the file cannot be written or holds something else; the client goes on without.
 */
export function fileLastGood(path: string, onError: (error: unknown) => void = () => {}): LastGoodStore {
  return {
    read() {
      try {
        const lines = readFileSync(path, "utf8")
          .split("\n")
          .filter((line) => line !== "");
        return lines.map((line) => {
          const { typeUrl, name, version, value } = JSON.parse(line) as Record<keyof StoredResource, string>;
          return { typeUrl, name, version, value: Buffer.from(value, "base64") };
        });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") onError(error);
        return [];
      }
    },
    write(resources) {
      const lines = resources.map(({ typeUrl, name, version, value }) =>
        JSON.stringify({ typeUrl, name, version, value: Buffer.from(value).toString("base64") }),
      );
      try {
        writeFileSync(`${path}.new`, lines.map((line) => `${line}\n`).join(""), { mode: 0o600 });
        renameSync(`${path}.new`, path);
      } catch (error) {
        onError(error);
      }
    },
  };
}
