/** What must hold of the events of any search, wherever it ended. */
import { expect } from "bun:test";
import type { SearchEvent } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";

type Event = SearchEvent["event"];

/** Checks them in order; `text` is what was streamed, and the whole answer if the search came to its end. */
export function checkEvents(events: readonly Event[], text: string, isWhole: boolean): void {
  const texts = new Map<number, string>([[0, ""]]);
  const given = new Set<number>();
  let committed = 0;
  for (const event of events) {
    if (event.case === "candidate") begin(event.value, texts);
    else if (event.case === "step") {
      const { candidate, text: added } = event.value;
      expect(given.has(candidate)).toBe(false);
      texts.set(candidate, texts.get(candidate)! + added);
    } else if (event.case === "score") {
      expect(event.value.score).toBeWithin(0, 1 + Number.EPSILON);
    } else if (event.case === "resample") checkWeights(event.value);
    else if (event.case === "prune") {
      for (const id of event.value.candidates) {
        expect(texts.has(id)).toBe(true);
        expect(given.has(id)).toBe(false);
        given.add(id);
      }
    } else if (event.case === "commit") {
      expect(event.value.characters).toBeGreaterThan(committed);
      committed = event.value.characters;
    }
  }
  // A client may leave, and an engine fail, between the text and what is told of it.
  if (isWhole) expect(text.length).toBe(committed);
  else expect(text.length).toBeGreaterThanOrEqual(committed);
  // Every candidate left begins with what is committed.
  const final = events.at(-1);
  if (!isWhole || final?.case !== "final") return;
  const chosen = final.value.candidates.find(({ candidate }) => candidate === final.value.candidate);
  expect(given.has(final.value.candidate)).toBe(false);
  expect(chosen?.text ?? "").toBe(text);
  for (const one of final.value.candidates) expect(texts.get(one.candidate)).toBe(one.text);
}

function begin({ candidate, parent }: { candidate: number; parent: number }, texts: Map<number, string>) {
  expect(candidate).toBe(texts.size);
  expect(texts.has(parent)).toBe(true);
  texts.set(candidate, texts.get(parent)!);
}

function checkWeights({ weights, effectiveSampleSize }: { weights: number[]; effectiveSampleSize: number }) {
  expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 6);
  expect(effectiveSampleSize).toBeWithin(1 - 1e-9, weights.length + 1e-6);
}

/** Some candidate that was not given up and that no other continues has grown and did not fail. */
export function hasSurvivors(events: readonly Event[]): boolean {
  const grown = new Set<number>();
  for (const { case: name, value } of events) {
    if (name === "candidate") grown.delete(value.parent);
    else if (name === "step" && value.ended !== FinishReason.ERROR) grown.add(value.candidate);
    else if (name === "step") grown.delete(value.candidate);
    else if (name === "prune") for (const id of value.candidates) grown.delete(id);
  }
  return grown.size > 0;
}
