import { expect, test } from "vitest";
import { misspeltPaths, shapesModule } from "./shape-source.js";

test("the shapes are those of the schema (vitest -u writes them anew)", async () => {
  await expect(shapesModule()).toMatchFileSnapshot("../../packages/router/src/gen/shapes.ts");
});

test("paths in problems are spelt as in the proto files", () => {
  // No rule finds the second underscore; the field is not one that is read.
  const exception =
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.proxy_100_continue";
  expect(misspeltPaths()).toEqual([exception]);
});
