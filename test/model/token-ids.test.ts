/** Token ids, token bytes and end tokens are those of llama.cpp, for real models and for every kind of vocabulary. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { defaultModelPath } from "#kit/paths.ts";
import { readModelVocabulary } from "../../services/tokenizer/src/model-vocabulary.ts";
import { createTokenizer, type Tokenizer } from "../../services/tokenizer/src/tokenizer.ts";
import { ensureTestModel } from "../../scripts/lib/test-models.mjs";
import { createOracle, type Oracle } from "../oracle/llama.ts";
import { bytePairMetadata, sentencePieceMetadata, writeVocabulary } from "../support/vocabularies.ts";
import { everyCodePoint, makeStrings } from "./strings.ts";

setDefaultTimeout(process.env.TRIMTAB_TEST_FULL === "1" ? 600_000 : 120_000);

const SEED = 20261123;
const isFull = process.env.TRIMTAB_TEST_FULL === "1";
/** Strings of the default model; other vocabularies get less. */
const COUNT = isFull ? 20_000 : 2_400;

let pathOf: Record<string, string>;
const made: string[] = [];

beforeAll(async () => {
  const make = async (name: string, metadata: Parameters<typeof writeVocabulary>[1]) => {
    const path = await writeVocabulary(name, metadata);
    made.push(path);
    return path;
  };
  const bytePair = (pre: string) => make(pre, bytePairMetadata({ "tokenizer.ggml.pre": pre }));
  pathOf = {
    default: await bytePair("default"),
    "gpt-2": await bytePair("gpt-2"),
    qwen2: await bytePair("qwen2"),
    "llama-bpe": await make(
      "llama-bpe",
      bytePairMetadata({ "tokenizer.ggml.pre": "llama-bpe", "tokenizer.ggml.add_bos_token": undefined }),
    ),
    "sentence pieces": await make("spm", sentencePieceMetadata()),
    "sentence pieces without a first blank": await make(
      "spm-bare",
      sentencePieceMetadata({ "tokenizer.ggml.add_space_prefix": false }),
    ),
  };
});

afterAll(() => {
  for (const path of made) rmSync(path, { force: true });
});

/** Without letters of Unicode 16, which our tables know and llama.cpp's do not: the only known difference. */
const hardStrings = (count: number, seed: number): string[] =>
  makeStrings(count, seed).filter((text) => !/[\u{10d40}-\u{10d8f}\u{13460}-\u{143ff}]/u.test(text));

/** Texts whose ids differ from llama.cpp's, with both; a readable failure. */
async function findDifferences(tokenizer: Tokenizer, oracle: Oracle, texts: readonly string[]) {
  const different: { text: string; ours: number[]; theirs: number[] | undefined }[] = [];
  for (const parseSpecial of [false, true]) {
    const theirs = await oracle.tokenize(texts, { parseSpecial, addSpecial: true });
    texts.forEach((text, i) => {
      const ours = tokenizer.encode(text, { parseSpecial, addSpecial: true });
      if (!Bun.deepEquals(ours, theirs[i])) different.push({ text, ours, theirs: theirs[i] });
    });
  }
  return different.slice(0, 3);
}

describe.each([
  ["the default model", async () => defaultModelPath(), COUNT],
  ["Qwen2.5-Coder-0.5B", () => ensureTestModel("qwen"), COUNT / 8],
  ["Gemma 3 270M", () => ensureTestModel("gemma"), COUNT / 8],
])("%s", (_, find, count) => {
  let oracle: Oracle;
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    const modelPath = await find();
    oracle = await createOracle({ modelPath, vocabularyOnly: true });
    tokenizer = createTokenizer(readModelVocabulary(modelPath));
  });
  afterAll(() => oracle.close());

  test(`ids of ${count} hard strings are llama.cpp's, special spellings read or not (seed ${SEED})`, async () => {
    expect(await findDifferences(tokenizer, oracle, hardStrings(count, SEED))).toEqual([]);
  });

  test("ids of every code point are llama.cpp's", async () => {
    expect(await findDifferences(tokenizer, oracle, everyCodePoint())).toEqual([]);
  });

  test("ids of long pieces, which are merged apart, are llama.cpp's", async () => {
    const long = ["a", "_", " ", "\n", "ab", "é", "😀", "aaaaaab", "=-", "thethe"].flatMap((unit) =>
      [255, 256, 257, 3_000].map((length) => unit.repeat(Math.ceil(length / unit.length))),
    );
    expect(await findDifferences(tokenizer, oracle, long)).toEqual([]);
  });

  test("bytes of every token and the control tokens are llama.cpp's, and so are the stop ids", async () => {
    const pieces = await oracle.pieces();
    const { types, stopIds } = tokenizer.vocabulary;
    const wrong = pieces.flatMap(({ bytes, isControl }, id) =>
      Buffer.compare(bytes, tokenizer.bytes(id)) !== 0 || isControl !== (types[id] === 3) ? [id] : [],
    );
    expect(wrong).toEqual([]);
    expect(stopIds).toEqual(pieces.flatMap(({ isEnd }, id) => (isEnd ? [id] : [])));
  });
});

test.each([
  ["default"],
  ["gpt-2"],
  ["qwen2"],
  ["llama-bpe"],
  ["sentence pieces"],
  ["sentence pieces without a first blank"],
])("ids with the vocabulary of kind %s are llama.cpp's", async (name) => {
  const path = pathOf[name] as string;
  const oracle = await createOracle({ modelPath: path, vocabularyOnly: true });
  try {
    const tokenizer = createTokenizer(readModelVocabulary(path));
    expect(await findDifferences(tokenizer, oracle, hardStrings(COUNT / 4, SEED + 1))).toEqual([]);
  } finally {
    await oracle.close();
  }
});
