/** Free text with marks: what follows a mark has one of its forms, whatever is drawn; all other text may be anything. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { identityOfModel } from "#kit/model-identity.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { createEngine } from "../../../services/forward/src/engine/client.ts";
import { readGrammarVocabulary } from "../../../services/forward/src/grammar/vocabulary.ts";
import { constraintOf, grammarText } from "../../support/grammar-text.ts";
import { generate, GREEDY, open, prompt } from "../../support/forward-engine.ts";
import { refusalOf } from "../../support/refusal.ts";
import { bytePairMetadata, writeVocabulary } from "../../support/vocabularies.ts";

setDefaultTimeout(120_000);
const modelPath = process.env.TRIMTAB_MODEL ?? defaultModelPath();
const engine = await createEngine({ modelPath, contextTokens: 1024, threads: 1 });
const { stopIds, vocabulary, digest } = engine.model;
const identity = identityOfModel(modelPath);
const { tokens } = readGrammarVocabulary({ modelPath, quantize: null, digest, identity, vocabulary });

afterAll(() => engine.close());

const tagged = (...forms: readonly object[]) => ({ case: "tagged", value: { forms } }) as never;
const form = (mark: string, begin: string, schema: object | undefined, end: string) => ({
  ...{ mark, begin, end },
  ...(schema && { jsonSchema: { schema: JSON.stringify(schema) } }),
});

/** What is written at a seed under a constraint, or under none. */
async function write(
  constraint: Parameters<typeof constraintOf>[0] | null,
  seed: number,
  temperature: number,
) {
  const { sequence } = await open(engine, prompt(12, 5));
  const answer = await generate(engine, sequence, {
    ...{ maxTokens: 80, stopIds, constraint: constraint && constraintOf(constraint) },
    sampling: { ...GREEDY, temperature, seed: BigInt(seed) },
  });
  await engine.call({ type: "release", sequences: [sequence] });
  const ids = answer.tokens.map(({ id }) => id);
  return { ids, text: Buffer.concat(ids.map((id) => tokens[id] ?? Buffer.of())).toString() };
}

test("behind every mark stands one of the forms, and the text goes on after it (seeds 0, 1, 2 …)", async () => {
  const side = { type: "object", properties: { c: { enum: ["up", "down"] } }, required: ["c"] };
  const seven = { $ref: "#/$defs/n", $defs: { n: { const: 7 } } };
  const constraint = tagged(
    ...[form("e", "(1", side, ")"), form("e", "(12", seven, ")"), form("e", "(3", undefined, "))")],
    form("an", "", { const: 0 }, "!"),
  );
  const wrong = /e(?!\(1\{\s*"c": ?"(up|down)"\s*\}\)|\(127\)|\(3.*?\)\)|(\(.*)?$)|an(?!0!|0?$)/s;
  for (let seed = 0; seed < 3; seed++) {
    const { text } = await write(constraint, seed, 1.2);
    expect(text.split(/e|an/).length).toBeGreaterThan(2);
    expect(text.replaceAll(/(?<=\(3).*?(?=\)\)|$)/gs, "")).not.toMatch(wrong);
  }
});

test("where no mark is written, what is drawn is what would be without a constraint", async () => {
  const constraint = tagged(form("<tool_call>", "x", { type: "object" }, "y"));
  for (const temperature of [0, 1])
    expect(await write(constraint, 3, temperature)).toEqual(await write(null, 3, temperature));
});

test("what is missing, too much or cannot be held is refused by the name of its form", () => {
  const good = form("m", "x", { type: "object" }, "y");
  const of = (...forms: readonly object[]) => {
    const { reason, field } = refusalOf(() => grammarText(tagged(...forms)));
    return [reason, field];
  };
  const at = "constraint.tagged.forms";
  expect(of()).toEqual(["FIELD_REQUIRED", at]);
  expect(of(good, form("", "x", undefined, "y"))).toEqual(["FIELD_REQUIRED", `${at}[1].mark`]);
  expect(of(good, form("m", "x", undefined, ""))).toEqual(["FIELD_REQUIRED", `${at}[1].end`]);
  expect(of(form("mn", "x", undefined, "y"), good)).toEqual(["INVALID_ARGUMENT", `${at}[0].mark`]);
  expect(of(...Array.from({ length: 257 }, () => good))).toEqual(["TOO_LARGE", at]);
  expect(of(good, form("m", "x".repeat(65_536), undefined, "y"))).toEqual(["TOO_LARGE", at]);
  const loose = form("m", "x", { type: "array", uniqueItems: true }, "y");
  expect(of(good, loose)).toEqual(["UNSUPPORTED", `${at}[1].json_schema.schema`]);
});

test("marks of calls are text to a constraint, where a vocabulary has them as control tokens, and others are not", async () => {
  const metadata = bytePairMetadata();
  const spellings = [...(metadata["tokenizer.ggml.tokens"] as readonly string[])];
  const controls = ["<|im_start|>", "<repo_name>"].map((spelling) => spellings.indexOf(spelling));
  spellings[controls[1] as number] = "[TOOL_CALLS]";
  const path = await writeVocabulary("marks", { ...metadata, "tokenizer.ggml.tokens": spellings });
  const model = { modelPath: path, quantize: null, digest: "", identity: identityOfModel(path) };
  const read = readGrammarVocabulary({ ...model, vocabulary: spellings.length });
  expect(controls.map((id) => Buffer.from(read.tokens[id]!).toString())).toEqual(["", "[TOOL_CALLS]"]);
});
