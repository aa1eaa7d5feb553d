/**
 * SmolLM2 as a directory of the hub, written by an independent program from the dequantised GGUF file: the same ids, the
 * logits of the f32 reference, and through the services as any other model, quantized at load or not.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Tokenizer as HubTokenizer } from "@huggingface/tokenizers";
import { digestOfModel } from "#kit/model-digest.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { createEngine, type EngineOptions } from "../../services/forward/index.ts";
import { readModelVocabulary } from "../../services/tokenizer/src/model-vocabulary.ts";
import { createTokenizer } from "../../services/tokenizer/src/tokenizer.ts";
import { startPython } from "../oracle/python.ts";
import { referenceRows } from "../oracle/reference-rows.ts";
import { distributionAfter, divergence, logSoftmax } from "./distributions.ts";
import { makePrompts } from "./prompts.ts";
import { makeStrings } from "./strings.ts";

setDefaultTimeout(300_000);
const SEED = 12;
const TOKENS = 12;

const root = mkdtempSync(join(tmpdir(), "trimtab-hub-"));
const paths = { F32: join(root, "f32"), BF16: join(root, "bf16"), F16: join(root, "f16") };
beforeAll(async () => {
  const program = await startPython("hub_directory.py", [defaultModelPath()]);
  await program.call("write", { path: paths.F32, dtype: "F32" });
  await program.call("write", { path: paths.BF16, dtype: "BF16", shards: 3 });
  await program.call("write", { path: paths.F16, dtype: "F16" });
  await program.close();
});
afterAll(() => rmSync(root, { recursive: true }));

test(`ids of hard strings, special tokens, template and ends are those of the GGUF file (seed ${SEED})`, () => {
  const [file, directory] = [readModelVocabulary(defaultModelPath()), readModelVocabulary(paths.F32)];
  const [ours, theirs] = [createTokenizer(directory), createTokenizer(file)];
  for (const text of makeStrings(1_200, SEED)) {
    for (const parseSpecial of [false, true]) {
      const options = { parseSpecial, addSpecial: true };
      expect(ours.encode(text, options)).toEqual(theirs.encode(text, options));
    }
  }
  expect({ ...directory, idOf: [...directory.idOf] }).toEqual({ ...file, idOf: [...file.idOf] });
});

test("ids of prose and code are those of the hub's own library on the same tokenizer.json", () => {
  const read = (name: string) => JSON.parse(readFileSync(join(paths.F32, name), "utf8"));
  const library = new HubTokenizer(read("tokenizer.json"), read("tokenizer_config.json"));
  const ours = createTokenizer(readModelVocabulary(paths.F32));
  for (const text of makePrompts(200, SEED)) {
    const ids = ours.encode(text, { parseSpecial: true, addSpecial: false });
    expect(ids).toEqual(library.encode(text, { add_special_tokens: false }).ids);
  }
});

test.each([
  ["F32", null, 1e-6],
  ["BF16", null, 1e-3],
  ["F16", "q8_0", 1e-2],
] as const)(
  "%s, quantized to %p: the distribution is the f32 reference's within %p nats",
  async (dtype, quantize, most) => {
    const ids = createTokenizer(readModelVocabulary(paths[dtype]))
      .encode(makePrompts(1, SEED)[0] as string, { parseSpecial: true, addSpecial: false })
      .slice(0, TOKENS);
    const exact = logSoftmax((await referenceRows(defaultModelPath(), [ids], TOKENS - 1))[0] as Float32Array);
    const options: EngineOptions = {
      modelPath: paths[dtype],
      quantize,
      kvKind: "int16",
      contextTokens: 64,
      threads: 1,
    };
    const engine = await createEngine(options);
    try {
      if (quantize !== null) expect(engine.model.digest).toBe(digestOfModel(paths[dtype], quantize));
      const { logprobs } = await distributionAfter(engine, ids);
      const found = divergence(exact, logprobs);
      console.log(`${dtype} ${quantize ?? "as it is"}: KL ${found.toExponential(1)}`);
      expect(found).toBeLessThanOrEqual(most);
    } finally {
      await engine.close();
    }
  },
);
