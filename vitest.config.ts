import { defineConfig } from "vitest/config";

// Tests run on sources: no build is needed first (style: the "source" export condition).
const conditions = ["@weftmesh/source"];
const resolve = { conditions };
const ssr = { resolve: { conditions: [...conditions, "node"], externalConditions: [...conditions, "node"] } };

export default defineConfig({
  test: {
    projects: [
      {
        resolve,
        ssr,
        test: {
          name: "packages",
          include: ["test/**/*.test.ts"],
          exclude: ["test/dist/**", "test/repo/**", "test/integration/**", "**/node_modules/**"],
        },
      },
      {
        resolve,
        ssr,
        test: {
          name: "repo",
          include: ["test/repo/**/*.test.ts"],
          globalSetup: ["test/repo/build.ts", "test/repo/pack.ts"],
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
      {
        resolve,
        ssr,
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          globalSetup: ["test/repo/build.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
