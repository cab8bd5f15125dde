import type { IncomingMessage } from "node:http";
import type { Caller } from "./caller.js";
import type { Answer } from "./shop-server.js";

/** An application of the shop: answers a request, with the help of others. */
export type Application = (request: IncomingMessage, call: Caller, version: string) => Promise<Answer> | Answer;

/** The page of a book: its data and its reviews, fetched at the same time; or the reviews alone. */
const front: Application = async (request, call) => {
  const [reviews, book] = await Promise.all([
    call("reviews", "/books/1/reviews", request),
    request.url === "/reviews" ? undefined : call("catalog", "/books/1", request),
  ]);
  const failed = [reviews, book].find((reply) => reply !== undefined && reply.status !== 200);
  if (failed !== undefined) return { status: 502, body: { error: "a service did not answer", reply: failed } };
  const { version } = reviews.body as { version: string };
  return { headers: { "x-reviews-version": version }, body: { book: book?.body, reviews: reviews.body } };
};

const catalog: Application = () => ({ body: { id: 1, title: "The Comedy of Errors", pages: 200 } });

/** The first version has no stars; the others ask for them. */
const reviews: Application = async (request, call, version) => {
  const texts = ["An extremely entertaining play.", "Absolutely fun and entertaining."];
  if (version === "v1") return { body: { version, reviews: texts } };
  const ratings = await call("ratings", "/books/1/ratings", request);
  if (ratings.status !== 200) return { status: 503, body: { version, error: "no ratings" } };
  const stars = Object.values((ratings.body as { stars: Record<string, number> }).stars);
  const colour = version === "v2" ? "black" : "red";
  return { body: { version, colour, reviews: texts.map((text, index) => ({ text, stars: stars[index] })) } };
};

const ratings: Application = () => ({ body: { stars: { reader1: 5, reader2: 4 } } });

/** The four applications by name. */
export const APPLICATIONS: Readonly<Record<string, Application>> = { front, catalog, reviews, ratings };
