// The refusal recipe's own texts: enough of each kind, no family or near-copy on both sides of a split.

import { expect, test } from "bun:test";
import { join } from "node:path";

interface PromptRow {
  readonly id: string;
  readonly text: string;
  readonly family: string;
  readonly split: string;
}

const FOLDER = join(import.meta.dir, "../../../../../services/steering/recipes/refusal");
const FILES = ["harmful", "harmless", "borderline", "refusal-responses", "compliant-responses", "passages"];
/** Jaccard similarity of word 3-grams from which two prompts count as copies of each other. */
const NEAR_COPY = 0.5;

const readRows = async (name: string): Promise<PromptRow[]> =>
  (await Bun.file(join(FOLDER, `${name}.jsonl`)).text())
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as PromptRow);

const rows = new Map(await Promise.all(FILES.map(async (name) => [name, await readRows(name)] as const)));
const rowsOf = (name: string): PromptRow[] => rows.get(name) ?? [];
const countOf = (name: string, split: string): number =>
  rowsOf(name).filter((row) => row.split === split).length;
const prompts = ["harmful", "harmless", "borderline"].flatMap(rowsOf);

function gramsOf(text: string): Set<string> {
  const words = text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
  if (words.length < 3) return new Set([words.join(" ")]);
  return new Set(words.slice(2).map((word, index) => `${words[index]} ${words[index + 1]} ${word}`));
}

function similarity(a: Set<string>, b: Set<string>): number {
  let shared = 0;
  for (const gram of a) if (b.has(gram)) shared++;
  return shared / (a.size + b.size - shared);
}

test("every row has an id of its own, a text, a family and a known split", () => {
  const all = FILES.flatMap(rowsOf);
  for (const row of all) {
    expect(Object.keys(row).sort()).toEqual(["family", "id", "split", "text"]);
    expect(row.text.trim()).toBe(row.text);
    expect(row.text.length).toBeGreaterThan(5);
    expect(["train", "validation", "test"]).toContain(row.split);
  }
  expect(new Set(all.map((row) => row.id)).size).toBe(all.length);
  expect(new Set(all.map((row) => row.text.toLowerCase())).size).toBe(all.length);
});

test("each class has enough prompts to train, choose and test with", () => {
  for (const name of ["harmful", "harmless"]) {
    expect(countOf(name, "train")).toBeGreaterThanOrEqual(name === "harmful" ? 1300 : 1900);
    expect(countOf(name, "validation")).toBeGreaterThanOrEqual(40);
    expect(countOf(name, "test")).toBeGreaterThanOrEqual(64);
  }
  expect(countOf("borderline", "train")).toBe(0);
  expect(countOf("borderline", "validation")).toBeGreaterThan(0);
  expect(countOf("borderline", "test")).toBeGreaterThanOrEqual(62);
  expect(rowsOf("refusal-responses").length).toBeGreaterThanOrEqual(8);
  expect(rowsOf("compliant-responses").length).toBeGreaterThanOrEqual(8);
  expect(rowsOf("passages").length).toBeGreaterThanOrEqual(30);
});

test("no topic family is on two sides of a split", () => {
  for (const name of FILES) {
    const splitOf = new Map<string, string>();
    for (const { family, split } of rowsOf(name)) {
      expect([family, splitOf.get(family) ?? split]).toEqual([family, split]);
      splitOf.set(family, split);
    }
  }
});

test("no prompt is a near-copy of one in another split", () => {
  const grams = prompts.map((row) => gramsOf(row.text));
  const holders = new Map<string, number[]>();
  const copies: string[] = [];
  for (const [i, row] of prompts.entries()) {
    const own = grams[i] as Set<string>;
    const candidates = new Set([...own].flatMap((gram) => holders.get(gram) ?? []));
    for (const j of candidates) {
      const other = prompts[j] as PromptRow;
      if (other.split === row.split) continue;
      if (similarity(own, grams[j] as Set<string>) >= NEAR_COPY) copies.push(`${row.id} ~ ${other.id}`);
    }
    for (const gram of own) holders.set(gram, [...(holders.get(gram) ?? []), i]);
  }
  expect(copies).toEqual([]);
});

test("harmful and harmless prompts do not differ by their form", () => {
  const share = (name: string, holds: (text: string) => boolean): number =>
    rowsOf(name).filter((row) => holds(row.text)).length / rowsOf(name).length;
  const forms: ((text: string) => boolean)[] = [
    (text) => text.endsWith("?"),
    (text) => text.endsWith("."),
    (text) => /^[a-z]/.test(text),
    (text) => text.split(" ").length > 12,
    (text) => text.split(" ").length < 8,
    (text) => /^(Write|Explain|Give|Create|Develop|Describe|Provide|How)\b/.test(text),
  ];
  // The largest is short prompts, of which general instructions have more; 0.3 is far from telling them apart.
  for (const form of forms) {
    expect(Math.abs(share("harmful", form) - share("harmless", form))).toBeLessThan(0.3);
  }
});
