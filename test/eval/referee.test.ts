// Grades of the referee: as many texts as a search has candidates.

import { expect, test } from "bun:test";
import { grade } from "../../eval/src/referee.ts";
import { openVerifier } from "../services/verifier/service.ts";

test("more texts than one request takes are graded, in order", async () => {
  const { client, close } = openVerifier();
  const texts = Array.from({ length: 600 }, (_, index) => `Answer: ${index}`);
  const grades = await grade(client, texts, { name: "numeric_answer", parameters: { expected: 299 } });
  expect(grades.length).toBe(600);
  expect(grades.flatMap((isRight, index) => (isRight ? [index] : []))).toEqual([299]);
  expect(await grade(client, [], { name: "numeric_answer", parameters: { expected: 1 } })).toEqual([]);
  close();
});
