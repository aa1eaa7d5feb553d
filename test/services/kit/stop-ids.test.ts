/** The tokenizer and forward end generations at the same tokens. The expected ids are llama.cpp's for such files. */
import { expect, test } from "bun:test";
import { openGguf, parseGguf } from "#kit/gguf.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { readConfig } from "../../../services/forward/src/model/config.ts";
import { readVocabulary } from "../../../services/tokenizer/src/vocabulary.ts";
import { syntheticModel, VOCABULARY } from "../../support/synthetic-model.ts";

const SPELLINGS = ["</s>", "<|eom_id|>", "<reponame>", "<|im_start|>", "<|endoftext|>"];
const FIRST = 10;
/** Of these, the ends. */
const SPELLED = [10, 11, 12, 14];
const CONTROL = 3;
const tokens = Array.from({ length: VOCABULARY }, (_, id) => SPELLINGS[id - FIRST] ?? `t${id}`);
const controls = (...ids: number[]) => Int32Array.from(tokens, (_, id) => (ids.includes(id) ? CONTROL : 1));

function stopIdsOf(header: ReturnType<typeof parseGguf>) {
  return { forward: readConfig(header).stopIds, tokenizer: readVocabulary(header.metadata).stopIds };
}

test("both services end the default model's answers at the ids llama.cpp does", () => {
  const file = openGguf(defaultModelPath());
  file.close();
  expect(stopIdsOf(file.header)).toEqual({ forward: [0, 2, 4], tokenizer: [0, 2, 4] });
});

test.each<[string, Record<string, string | number | Int32Array | undefined>, number[]]>([
  ["ids by name and by spelling", { token_type: controls(10, 11, 12, 13, 14) }, [2, ...SPELLED]],
  ["spellings that are no control tokens", { token_type: controls(13) }, [2, ...SPELLED]],
  ["ends of turn and of message by id", { eot_token_id: 20, eom_token_id: 21 }, [2, ...SPELLED, 20, 21]],
  ["no types", { token_type: undefined }, [2, ...SPELLED]],
  [
    "SentencePiece-style pieces and no named end",
    { model: "llama", scores: new Int32Array(VOCABULARY), bos_token_id: 1, eos_token_id: undefined },
    SPELLED,
  ],
  ["no named end", { eos_token_id: undefined, token_type: controls(14) }, SPELLED],
])("both services agree on a vocabulary with %s", (_name, changes, expected) => {
  const named = { tokens, merges: [], ...changes };
  const metadata = Object.fromEntries(
    Object.entries(named).map(([key, value]) => [`tokenizer.ggml.${key}`, value]),
  );
  const header = parseGguf(syntheticModel({ metadata }));
  expect(stopIdsOf(header)).toEqual({ forward: expected, tokenizer: expected });
});
