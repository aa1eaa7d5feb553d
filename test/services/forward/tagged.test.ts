/** Free text with marks: what follows a mark has one of its forms, whatever is drawn; all other text may be anything. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { identityOfModel } from "#kit/model-identity.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { createEngine } from "../../../services/forward/src/engine/client.ts";
import { readGrammarVocabulary } from "../../../services/forward/src/grammar/vocabulary.ts";
import { constraintOf, grammarText } from "../../support/grammar-text.ts";
import { generate, GREEDY, open, prompt } from "../../support/forward-engine.ts";
import { refusalOf } from "../../support/refusal.ts";

setDefaultTimeout(120_000);
const modelPath = process.env.TRIMTAB_MODEL ?? defaultModelPath();
const engine = await createEngine({ modelPath, contextTokens: 1024, threads: 1 });
const { stopIds, vocabulary, digest } = engine.model;
const identity = identityOfModel(modelPath);
const { tokens } = readGrammarVocabulary({ modelPath, quantize: null, digest, identity, vocabulary });

afterAll(() => engine.close());

const tagged = (mark: string, forms: readonly object[]) =>
  ({ case: "tagged", value: { mark, forms } }) as never;
const form = (begin: string, schema: object | undefined, end: string) => ({
  ...{ begin, end },
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
  const forms = [form("(1", side, ")"), form("(2", { $ref: "#/$defs/n", $defs: { n: { const: 7 } } }, ")")];
  const constraint = tagged("e", [...forms, form("(3", undefined, "))")]);
  const held = /e(?!\(1\{\s*"c": ?"(up|down)"\s*\}\)|\(27\)|\(3.*?\)\)|(\(.*)?$)/s;
  for (let seed = 0; seed < 3; seed++) {
    const { text } = await write(constraint, seed, 1.2);
    expect(text.split("e").length).toBeGreaterThan(2);
    expect(text).not.toMatch(held);
  }
});

test("where no mark is written, what is drawn is what would be without a constraint", async () => {
  const constraint = tagged("<tool_call>", [form("x", { type: "object" }, "y")]);
  for (const temperature of [0, 1])
    expect(await write(constraint, 3, temperature)).toEqual(await write(null, 3, temperature));
});

test("what is missing, too much or cannot be held is refused by the name of its form", () => {
  const good = form("x", { type: "object" }, "y");
  const of = (mark: string, forms: readonly object[]) => {
    const { reason, field } = refusalOf(() => grammarText(tagged(mark, forms)));
    return [reason, field];
  };
  const at = "constraint.tagged.forms";
  expect(of("", [good])).toEqual(["FIELD_REQUIRED", "constraint.tagged.mark"]);
  expect(of("m", [])).toEqual(["FIELD_REQUIRED", at]);
  expect(of("m", [good, form("x", undefined, "")])).toEqual(["FIELD_REQUIRED", `${at}[1].end`]);
  const huge = Array.from({ length: 257 }, () => good);
  expect(of("m", huge)).toEqual(["TOO_LARGE", at]);
  expect(of("m", [good, form("x".repeat(65_536), undefined, "y")])).toEqual(["TOO_LARGE", at]);
  const loose = form("x", { type: "array", uniqueItems: true }, "y");
  expect(of("m", [good, loose])).toEqual(["UNSUPPORTED", `${at}[1].json_schema.schema`]);
});
