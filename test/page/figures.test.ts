/** Pure parts of the page: the rows of a search's lanes, and the text drawn for each token. */
import { expect, test } from "bun:test";
import type { Candidate } from "../../page/search/candidate.ts";
import { layoutLanes } from "../../page/search/lane-layout.ts";
import { spread } from "../../page/chat/spread.ts";

const one = (
  id: number,
  parent: number,
  [start, tokens]: readonly [number, number],
  state: Candidate["state"],
): [number, Candidate] => [id, { id, parent, start, tokens, state, steps: [], text: "", score: null }];

test("no two lanes overlap: a copy takes a row that was given up before it began, or a new one", () => {
  const rows = layoutLanes(
    new Map([
      one(1, 0, [0, 10], "live"),
      one(2, 0, [0, 8], "pruned"),
      one(3, 0, [0, 12], "ended"),
      // Continues 1, which lives on; the row of 2 is free from 8.
      one(4, 1, [9, 20], "pruned"),
      // Begins before 4 ends, so not there; nor where 3 ended as an answer.
      one(5, 3, [12, 30], "live"),
      // Continues 4 in its own row.
      one(6, 4, [20, 25], "live"),
    ]),
  );
  expect([...rows]).toEqual([
    [1, 0],
    [2, 1],
    [3, 2],
    [4, 1],
    [5, 3],
    [6, 1],
  ]);
});

const PART = "\uFFFD";

test.each([
  ["whole tokens", "ab c", ["ab", " c"], ["ab", " c"]],
  ["an emoji of three tokens", "\u{1F600} w", [PART, PART, PART, " w"], ["", "", "\u{1F600}", " w"]],
  ["a blank and part of one", " \u{1F600}x", [` ${PART}`, PART, "x"], ["", " \u{1F600}", "x"]],
  ["half an emoji at the end", `a${PART}`, ["a", PART], ["a", PART]],
  ["a token without text", "ab", ["", "ab"], ["", "ab"]],
  ["the same word twice", "no no", ["no", " no"], ["no", " no"]],
])("what is drawn of %s is the text", (_name, text, spellings, parts) => {
  expect(spread(text, spellings)).toEqual(parts);
  expect(parts.join("")).toBe(text);
});
