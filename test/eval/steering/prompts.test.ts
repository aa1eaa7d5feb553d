// The lab's prompts: enough of each kind, split by topic family, no near-copy of each other's splits or of what recipes learn from.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { readLessons } from "../../../eval/src/steering/lessons.ts";
import {
  type LabPrompt,
  readLabPrompts,
  readLines,
  readTwins,
  takeSome,
} from "../../../eval/src/steering/prompts.ts";

const RECIPE = join(import.meta.dir, "../../../services/steering/recipes/refusal");
/** Jaccard similarity of word 3-grams from which two prompts count as copies of each other. */
const NEAR_COPY = 0.5;

const prompts = readLabPrompts();
const learned = ["harmful", "harmless", "borderline"].flatMap((name) =>
  readLines<{ readonly id: string; readonly text: string }>(join(RECIPE, `${name}.jsonl`)),
);

function gramsOf(text: string): Set<string> {
  const words = text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
  if (words.length < 3) return new Set([words.join(" ")]);
  return new Set(words.slice(2).map((word, index) => `${words[index]} ${words[index + 1]} ${word}`));
}

/** Pairs of near-copies, found through the 3-grams they share. */
function copiesOf(
  some: readonly { id: string; text: string }[],
  others: readonly { id: string; text: string }[],
) {
  const grams = others.map(({ text }) => gramsOf(text));
  const holders = new Map<string, number[]>();
  for (const [index, set] of grams.entries())
    for (const gram of set) holders.set(gram, [...(holders.get(gram) ?? []), index]);
  return some.flatMap(({ id, text }) => {
    const own = gramsOf(text);
    const shared = new Map<number, number>();
    for (const gram of own)
      for (const index of holders.get(gram) ?? []) shared.set(index, (shared.get(index) ?? 0) + 1);
    return [...shared].flatMap(([index, count]) => {
      const other = others[index]!;
      const similarity = count / (own.size + grams[index]!.size - count);
      return other.id !== id && similarity >= NEAR_COPY ? [`${id} ~ ${other.id}`] : [];
    });
  });
}

const countOf = (holds: (prompt: LabPrompt) => boolean): number => prompts.filter(holds).length;

test("there are as many prompts as the protocol asks for, half of the harmless ones about harmful topics", () => {
  expect(countOf((one) => one.class === "harmful" && one.split === "test")).toBeGreaterThanOrEqual(300);
  expect(countOf((one) => one.class === "harmful" && one.split === "development")).toBeGreaterThanOrEqual(
    150,
  );
  for (const split of ["development", "test"]) {
    const harmless = prompts.filter((one) => one.class === "harmless" && one.split === split);
    expect(harmless.length).toBeGreaterThanOrEqual(300);
    const matched = harmless.filter(({ kind }) => kind === "matched").length;
    expect(Math.abs(matched / harmless.length - 0.5)).toBeLessThan(0.05);
  }
  expect(countOf((one) => one.class === "borderline" && one.split === "test")).toBeGreaterThanOrEqual(120);
});

test("a small run may have fewer test prompts, and as many harmless ones as ever to choose doses on", () => {
  const some = takeSome(prompts, { harmful: 100, others: Number.POSITIVE_INFINITY, testOthers: 50 });
  const sizes = Map.groupBy(some, ({ split, class: name, kind }) => [split, name, kind].join(" "));
  expect(Object.fromEntries([...sizes].map(([name, group]) => [name.trim(), group.length]))).toMatchObject({
    ...{ "development harmful": 100, "test harmful": 100, "test borderline": 50 },
    ...{ "test harmless plain": 50, "test harmless matched": 50 },
  });
  const isChosenOn = (one: LabPrompt) => one.class === "harmless" && one.split === "development";
  expect(some.filter(isChosenOn)).toHaveLength(countOf(isChosenOn));
});

test("ids and texts are unique, and no topic family is in two splits", () => {
  expect(new Set(prompts.map(({ id }) => id)).size).toBe(prompts.length);
  expect(new Set(prompts.map(({ text }) => text.toLowerCase())).size).toBe(prompts.length);
  const splits = new Map<string, string>();
  for (const { class: name, family, split } of prompts) {
    const key = `${name} ${family}`;
    expect([key, splits.get(key) ?? split]).toEqual([key, split]);
    splits.set(key, split);
  }
});

test("twins are of eight types, as many safe as unsafe ones, and none is a copy of another prompt", () => {
  const twins = readTwins();
  const counts = Map.groupBy(twins, ({ family, kind }) => `${family} ${kind}`);
  expect(counts.size).toBe(16);
  expect(new Set([...counts.values()].map(({ length }) => length))).toEqual(new Set([15]));
  expect(copiesOf(twins, [...learned, ...prompts])).toEqual([]);
});

test("lessons are pairs of many types, none of them tested, each like one that is; none is a copy of another prompt", () => {
  const [lessons, twins] = [readLessons("refusal"), readTwins()];
  const tested = new Set(twins.map(({ family }) => family));
  const types = Map.groupBy(lessons, ({ family }) => family);
  expect([...types.keys()].filter((family) => tested.has(family))).toEqual([]);
  for (const own of types.values()) {
    // The nth safe one and the nth unsafe one are a pair.
    const numbers = (kind: string) =>
      own.filter((lesson) => lesson.kind === kind).map(({ id }) => id.slice(id.indexOf("-")));
    expect(numbers("safe")).toEqual(numbers("unsafe"));
  }
  const groups = Map.groupBy(lessons, (lesson) => lesson.with);
  expect([...groups.keys()].toSorted()).toEqual([...tested].toSorted());
  expect(new Set([...groups.values()].map(({ length }) => length))).toEqual(new Set([112]));
  expect(new Set(lessons.map(({ text }) => text.toLowerCase())).size).toBe(lessons.length);
  const ids = new Set(lessons.map(({ id }) => id));
  const others = learned.filter(({ id }) => !ids.has(id));
  expect(copiesOf(lessons, [...others, ...prompts, ...twins])).toEqual([]);
});

test("no prompt is a near-copy of one of the recipe's, nor of another of the lab's", () => {
  expect(copiesOf(prompts, learned)).toEqual([]);
  expect(copiesOf(prompts, prompts)).toEqual([]);
});
