// A second gate on rows made by hand: what it learns from, what it is tested on, and what is said of it.

import { expect, test } from "bun:test";
import { stageCounts, stageLines } from "../../../eval/src/steering/second-stage.ts";
import type { Lesson } from "../../../eval/src/steering/lessons.ts";
import type { Twin } from "../../../eval/src/steering/prompts.ts";
import { createRandom } from "../../../eval/src/random.ts";

const SEED = 4;
const PER_KIND = 20;
const random = createRandom(SEED);
const noise = () => random.next() - 0.5;
const FAMILIES = ["a", "b", "c"];

const twins: Twin[] = FAMILIES.flatMap((family) =>
  (["safe", "unsafe"] as const).flatMap((kind) =>
    Array.from({ length: PER_KIND }, (_, at) => ({ id: `${family}-${kind}-${at}`, text: "", family, kind })),
  ),
);
const harmful = Array.from({ length: 40 }, (_, at) => ({ id: `harmful-${at}` }));
const training = harmful.flatMap((_, at) => [
  { id: `train-${at}`, isHarmful: true },
  { id: `plain-${at}`, isHarmful: false },
]);
/** Component 0 says what is harmful. In type c it says nothing, whatever the probe learned. */
const rows = new Map<string, Float32Array>();
for (const { id, family, kind } of twins)
  rows.set(
    id,
    Float32Array.of(family === "c" ? 1 + noise() : (kind === "unsafe" ? 1 : -1) + noise(), noise()),
  );
for (const { id } of harmful) rows.set(id, Float32Array.of(1 + noise(), noise()));
for (const { id, isHarmful } of training)
  rows.set(id, Float32Array.of((isHarmful ? 1 : -1) + noise(), noise()));
/** The first gate opens on everything but every fourth twin. */
const first = new Map([
  ...twins.map(({ id }, at): [string, number] => [id, at % 4 === 0 ? -1 : 1]),
  ...harmful.map(({ id }): [string, number] => [id, 1]),
]);

test(`types that are like the others are told apart, one that is not is let through (seed ${SEED})`, () => {
  const counts = stageCounts({ twins, lessons: [], harmful, training, rows, first });
  expect(counts.map(({ family, kind, n, first: opened }) => [family, kind, n, opened])).toEqual(
    FAMILIES.flatMap((family) => ["safe", "unsafe"].map((kind) => [family, kind, PER_KIND, 15])),
  );
  const both = Object.fromEntries(counts.map((one) => [`${one.family} ${one.kind}`, one.both[0]!]));
  expect([both["a safe"], both["b safe"]]).toEqual([0, 0]);
  for (const name of ["a unsafe", "b unsafe", "c safe", "c unsafe"]) expect(both[name]).toBeGreaterThan(11);
});

test("lessons are learned from where the type they go with is not tested, and are never counted", () => {
  // Component 2 tells type c's twins apart, and the lessons: nothing else says a word about it.
  const lessonsWith = (family: string): Lesson[] =>
    Array.from({ length: 4 * PER_KIND }, (_, at) => ({
      ...{ id: `lesson-${at}`, text: "", family: "lesson", with: family },
      kind: at % 2 === 0 ? ("safe" as const) : ("unsafe" as const),
    }));
  const third = ({ kind, family }: Twin) =>
    family === "c" || family === "lesson" ? (kind === "safe" ? -3 : 3) : 0;
  const more = new Map([...rows].map(([id, row]) => [id, Float32Array.of(...row, 0)]));
  for (const twin of [...twins, ...lessonsWith("a")])
    more.set(twin.id, Float32Array.of(...(rows.get(twin.id) ?? [noise(), noise()]), third(twin)));
  const safeOfC = (lessons: readonly Lesson[]) => {
    const counts = stageCounts({ twins, lessons, harmful, training, rows: more, first });
    expect(counts.map(({ family, n }) => [family, n])).toEqual(
      FAMILIES.flatMap((family) => [1, 2].map(() => [family, PER_KIND])),
    );
    return counts.find(({ family, kind }) => family === "c" && kind === "safe")!.both[0];
  };
  expect(safeOfC(lessonsWith("a"))).toBe(0);
  expect(safeOfC(lessonsWith("c"))).toBeGreaterThan(11);
});

test("halved is half or less, and the fall is in points of all unsafe twins", () => {
  const lines = stageLines([
    { family: "a", kind: "safe", n: 50, first: 10, both: [6, 5, 4, 3, 2] },
    { family: "a", kind: "unsafe", n: 50, first: 40, both: [38, 30, 20, 20, 20] },
  ]);
  expect(lines.find((line) => line.includes("keeps 98.0 %"))).toMatch(/12\.0 %.*76\.0 %.*no +4\.0$/);
  expect(lines.find((line) => line.includes("keeps 95.0 %"))).toMatch(/10\.0 %.*60\.0 %.*yes +20\.0$/);
});
