// A gate chosen without the type it is tested on: on rows made by hand, one candidate knows and the other does not.

import { expect, test } from "bun:test";
import { type Candidate, nestedCounts, nestedLines } from "../../../eval/src/steering/nested-stage.ts";
import { productsOf } from "../../../eval/src/steering/product-fits.ts";
import type { Lesson } from "../../../eval/src/steering/lessons.ts";
import type { Twin } from "../../../eval/src/steering/prompts.ts";
import { createRandom } from "../../../eval/src/random.ts";

const SEED = 6;
const PER_KIND = 12;
const FAMILIES = ["a", "b", "c", "d"];
const random = createRandom(SEED);
const noise = () => random.next() - 0.5;

const twins: Twin[] = FAMILIES.flatMap((family) =>
  (["safe", "unsafe"] as const).flatMap((kind) =>
    Array.from({ length: PER_KIND }, (_, at) => ({ id: `${family}-${kind}-${at}`, text: "", family, kind })),
  ),
);
/** Every type's lessons are one type more, and tell what its twins tell. */
const lessons: Lesson[] = twins.map((twin) => ({
  ...twin,
  ...{ id: `${twin.family}-lesson-${twin.id}`, family: `like-${twin.family}`, with: twin.family },
}));
const training = Array.from({ length: 60 }, (_, at) => [
  { id: `harmful-${at}`, isHarmful: true },
  { id: `plain-${at}`, isHarmful: false },
]).flat();
const everything = [...twins, ...lessons, ...training];
const isBad = (id: string) => id.includes("unsafe") || id.startsWith("harmful");
const rowsOf = (value: (id: string) => number) =>
  new Map(everything.map(({ id }) => [id, Float32Array.of(value(id), noise())]));
const candidate = (name: string, fit: "all" | "pairs", rows: Map<string, Float32Array>): Candidate => ({
  ...{ name, fit, penalty: 0.1 },
  products: productsOf(
    rows,
    training.map(({ id }) => id),
  ),
});
const known = rowsOf((id) => (isBad(id) ? 2 : -2) + noise());
const knowing = candidate("knowing", "pairs", known);
const ignorant = candidate("ignorant", "all", rowsOf(noise));
const first = new Map(everything.map(({ id }): [string, number] => [id, 1]));
const input = { twins, lessons, training, first };
const bothOf = (counts: ReturnType<typeof nestedCounts>, kind: string) =>
  counts.filter((one) => one.kind === kind).reduce((sum, { both }) => sum + both[0]!, 0);

test(`what tells the other types apart is chosen, and tells the left-out type apart (seed ${SEED})`, () => {
  const counts = nestedCounts(input, [ignorant, knowing]);
  expect(new Set(counts.map(({ chosen }) => chosen))).toEqual(new Set(["knowing"]));
  expect(counts.map(({ family, n }) => [family, n])).toEqual(
    FAMILIES.flatMap((family) => [1, 2].map(() => [family, PER_KIND])),
  );
  expect(bothOf(counts, "safe")).toBe(0);
  expect(bothOf(counts, "unsafe")).toBeGreaterThan(0.85 * FAMILIES.length * PER_KIND);
});

test("the type that is tested has no say in what it is tested with", () => {
  // What is known of type "a" and of its lessons becomes the opposite of the truth: its own choice must not change, its counts must.
  const turned = new Map([...known].map(([id, row]) => [id, id.startsWith("a-") ? row.map((x) => -x) : row]));
  const [before, after] = [known, turned].map((rows) =>
    nestedCounts(input, [ignorant, candidate("knowing", "pairs", rows)]).filter(
      ({ family }) => family === "a",
    ),
  ) as [ReturnType<typeof nestedCounts>, ReturnType<typeof nestedCounts>];
  expect(after.map(({ chosen, threshold }) => [chosen, threshold])).toEqual(
    before.map(({ chosen, threshold }) => [chosen, threshold]),
  );
  expect([bothOf(before, "safe"), bothOf(after, "safe")]).toEqual([0, PER_KIND]);
});

test("the threshold gives up no more unsafe twins of the other types than it may", () => {
  // Every fourth unsafe twin looks safe: to shut those out would cost a quarter of them.
  const hard = (id: string) => (id.includes("unsafe") && Number(id.split("-").at(-1)) % 4 === 0 ? -2 : 0);
  const half = rowsOf((id) => hard(id) || (isBad(id) ? 2 : -2) + noise());
  const counts = nestedCounts(input, [candidate("half", "pairs", half)]);
  expect(bothOf(counts, "unsafe")).toBeGreaterThan(0.9 * FAMILIES.length * PER_KIND);
  expect(bothOf(counts, "safe")).toBeGreaterThan(0.25 * FAMILIES.length * PER_KIND);
  expect(nestedLines(counts).at(-1)).toContain(`unsafe twins  48 of 48: 100.0 %`);
});
