/** The tree of a search as it is drawn in a terminal, from events made by hand. */
import { expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { SearchEventSchema } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { createSearchTree } from "../../cli/src/view/search-tree.ts";

type EventInit = NonNullable<MessageInitShape<typeof SearchEventSchema>["event"]>;

const candidate = (id: number, parent: number): EventInit => ({
  case: "candidate",
  value: { candidate: id, parent },
});
const step = (id: number, text: string, ended = FinishReason.UNSPECIFIED): EventInit => ({
  case: "step",
  value: { candidate: id, text, ended },
});
const score = (id: number, value: number): EventInit => ({
  case: "score",
  value: { candidate: id, score: value },
});
const drawn = (events: readonly EventInit[], columns = 40): string[] => {
  const tree = createSearchTree("7 + 6");
  for (const event of events) tree.take(create(SearchEventSchema, { event }));
  return tree.lines(columns).map((line) => Bun.stripANSI(line).trimEnd());
};

const EVENTS: readonly EventInit[] = [
  candidate(1, 0),
  candidate(2, 0),
  step(1, "7 + 6 = 13\n"),
  step(2, "7 + 6 = 12\n"),
  score(1, 0.9),
  score(2, 0.1),
  { case: "prune", value: { candidates: [2] } },
  candidate(3, 1),
  candidate(4, 1),
  step(3, "so 13", FinishReason.STOP),
  step(4, "so\nit is"),
];

test("a line a candidate below the one it continues: what it added, its score, and what became of it", () => {
  expect(drawn([...EVENTS, { case: "final", value: { candidate: 3 } }])).toEqual([
    "7 + 6",
    "├─★ 7 + 6 = 13                     0.900",
    "│ ├─★ so 13",
    "│ └─○ so ⏎ it is",
    "└─✗ 7 + 6 = 12                     0.100",
  ]);
});

test("while the search runs nothing is chosen, and what has ended is told from what has not", () => {
  expect(drawn(EVENTS).map((line) => line.trim().slice(0, 6))).toEqual([
    "7 + 6",
    "├─○ 7 ",
    "│ ├─● ",
    "│ └─○ ",
    "└─✗ 7 ",
  ]);
});

test("a line is never wider than the terminal, and a model's control characters do not reach it", () => {
  const lines = drawn([...EVENTS, candidate(5, 4), step(5, `\u001b[2J${"long ".repeat(40)}`)], 40);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40);
  expect(lines.join("")).toContain("\u2423[2J");
  expect(lines.join("")).toContain("…");
});
