// A gate chosen without the type it is tested on: on rows made by hand, one candidate knows and the other does not.

import { expect, test } from "bun:test";
import { type Candidate, nestedCounts, nestedLines } from "../../../eval/src/steering/nested-stage.ts";
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
const harmful = Array.from({ length: 60 }, (_, at) => ({ id: `harmful-${at}` }));
const training = [
  ...harmful.map(({ id }) => ({ id: `train-${id}`, isHarmful: true })),
  ...harmful.map(({ id }) => ({ id: `plain-${id}`, isHarmful: false })),
];
const everything = [...twins, ...harmful, ...training];
const isBad = (id: string) => id.includes("unsafe") || /^(train-)?harmful/.test(id);
const rowsOf = (value: (id: string) => number) =>
  new Map(everything.map(({ id }) => [id, Float32Array.of(value(id), noise())]));
const candidate = (name: string, fit: "all" | "pairs", value: (id: string) => number): Candidate => ({
  ...{ name, fit, penalty: 0.1 },
  rows: rowsOf(value),
});
const knowing = candidate("knowing", "pairs", (id) => (isBad(id) ? 2 : -2) + noise());
const ignorant = candidate("ignorant", "all", noise);
const first = new Map(everything.map(({ id }): [string, number] => [id, 1]));
const input = { twins, harmful, training, first };
const bothOf = (counts: ReturnType<typeof nestedCounts>, kind: string) =>
  counts.filter((one) => one.kind === kind).reduce((sum, { both }) => sum + both[0]!, 0);

test(`what tells the other types apart is chosen, and tells the left-out type apart (seed ${SEED})`, () => {
  const counts = nestedCounts(input, [ignorant, knowing]);
  expect(new Set(counts.map(({ chosen }) => chosen))).toEqual(new Set(["knowing"]));
  expect(bothOf(counts, "safe")).toBe(0);
  expect(bothOf(counts, "unsafe")).toBeGreaterThan(0.85 * FAMILIES.length * PER_KIND);
});

test("the type that is tested has no say in what it is tested with", () => {
  // What is known of type "a" becomes the opposite of the truth: its own choice must not change, its counts must.
  const turned = new Map(
    [...knowing.rows].map(([id, row]) => [id, id.startsWith("a-") ? row.map((x) => -x) : row]),
  );
  const [before, after] = [knowing.rows, turned].map((rows) =>
    nestedCounts(input, [ignorant, { ...knowing, rows }]).filter(({ family }) => family === "a"),
  ) as [ReturnType<typeof nestedCounts>, ReturnType<typeof nestedCounts>];
  expect(after.map(({ chosen, keeps }) => [chosen, keeps])).toEqual(
    before.map(({ chosen, keeps }) => [chosen, keeps]),
  );
  expect([bothOf(before, "safe"), bothOf(after, "safe")]).toEqual([0, PER_KIND]);
});

test("the threshold gives up no more unsafe twins of the other types than it may", () => {
  // Every fourth unsafe twin looks safe: to shut those out would cost a quarter of them.
  const hard = (id: string) => (id.includes("unsafe") && Number(id.split("-")[2]) % 4 === 0 ? -2 : 0);
  const half = candidate("half", "pairs", (id) => hard(id) || (isBad(id) ? 2 : -2) + noise());
  const counts = nestedCounts(input, [half]);
  expect(counts.map(({ keeps }) => keeps)).toEqual(counts.map(() => undefined));
  expect(bothOf(counts, "unsafe")).toBe(FAMILIES.length * PER_KIND);
  expect(nestedLines(counts).at(-1)).toMatch(/unsafe twins +48 of 48: 100\.0 %/);
});
