/** A large vocabulary with scores, written as tokenizer.json with merges and read back, gives the ids it gave before. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureTestModel } from "../../scripts/lib/test-models.mjs";
import { readTokenizerFiles } from "../../services/tokenizer/index.ts";
import { readModelVocabulary } from "../../services/tokenizer/src/model-vocabulary.ts";
import { createTokenizer } from "../../services/tokenizer/src/tokenizer.ts";
import { makeStrings } from "./strings.ts";

setDefaultTimeout(120_000);
const SEED = 5;
const directory = mkdtempSync(join(tmpdir(), "trimtab-hub-vocabulary-"));
afterAll(() => rmSync(directory, { recursive: true }));

test(`Gemma 3: ids of hard strings are those of the GGUF file (seed ${SEED})`, async () => {
  const modelPath = await ensureTestModel("gemma");
  const before = readModelVocabulary(modelPath);
  const files = { ...readTokenizerFiles(modelPath), "config.json": { vocab_size: before.tokens.length } };
  for (const [name, value] of Object.entries(files))
    writeFileSync(join(directory, name), JSON.stringify(value));
  const after = readModelVocabulary(directory);
  const common = ({ kind, tokens, bosId, stopIds, addBos, addSpacePrefix }: typeof after) => ({
    ...{ kind, tokens, bosId, stopIds, addBos, addSpacePrefix },
  });
  expect(common(after)).toEqual(common(before));
  const [theirs, ours] = [createTokenizer(before), createTokenizer(after)];
  for (const text of makeStrings(600, SEED)) {
    for (const parseSpecial of [false, true]) {
      const options = { parseSpecial, addSpecial: true };
      expect(ours.encode(text, options)).toEqual(theirs.encode(text, options));
    }
  }
});
