/** Log-probabilities as completions tell them, of tokens with awkward spellings. */
import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { TokenSchema } from "#proto/trimtab/type/v1/generation_pb.ts";
import { completionLogprobs } from "../../gateway/src/openai/logprobs.ts";

test("tokens spelled like properties of every object are alternatives like others, and the likelier of two stays", () => {
  const spellings = ["constructor", "__proto__", "toString", "a", "a"];
  const top = spellings.map((_, id) => ({ id, logprob: -1 - id }));
  const token = create(TokenSchema, { id: 3, logprob: -4, top });
  const told = completionLogprobs([token], { spelling: (id) => spellings[id] ?? "" }, 0);
  const [alternatives = {}] = (told as { top_logprobs: object[] }).top_logprobs;
  expect(Object.entries(alternatives)).toEqual([
    ["constructor", -1],
    ["__proto__", -2],
    ["toString", -3],
    ["a", -4],
  ]);
});
