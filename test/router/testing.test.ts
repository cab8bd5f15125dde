import { compileRoutes } from "@weftmesh/router";
import { type RouteAssertion, routeAssertions, type TestRequest } from "@weftmesh/router/testing";
import { chai, expect, test } from "vitest";

chai.use(routeAssertions);

const table = compileRoutes({
  virtualHosts: [{ name: "shop", domains: ["*"], routes: [{ match: { path: "/cart" }, route: { cluster: "cart" } }] }],
});

interface Asserting {
  readonly not: Asserting;
  toRoute(request: TestRequest): RouteAssertion;
}

const assertion = () => expect(table) as unknown as Asserting;

test("expect(table).toRoute(request).to(where), and not", () => {
  assertion().toRoute("GET http://shop/cart").to("cart");
  assertion().not.toRoute("GET http://shop/cart").to("other");
  expect(() => assertion().toRoute("GET http://shop/carts").to("cart")).toThrow(
    /expected the request to come to cart, got no route[\s\S]*expected path "\/cart", got "\/carts"/,
  );
  expect(() => assertion().not.toRoute("GET http://shop/cart").to("cart")).toThrow(
    "expected the request not to come to cart",
  );
});
