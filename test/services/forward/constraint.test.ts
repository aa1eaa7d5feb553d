/** Constrained decoding on the default model: whatever the seed, what ends parses; forks go on; nobody else is touched. */
import { afterAll, expect, test } from "bun:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { identityOfModel } from "#kit/model-identity.ts";
import { defaultModelPath } from "#kit/paths.ts";
import type { CommandInput } from "../../../services/forward/src/engine/client.ts";
import { createEngine } from "../../../services/forward/src/engine/client.ts";
import type { ScoredToken, SequenceId } from "../../../services/forward/src/engine/protocol.ts";
import type { GrammarSource } from "../../../services/forward/src/grammar/messages.ts";
import { readGrammarVocabulary } from "../../../services/forward/src/grammar/vocabulary.ts";
import { constraintOf } from "../../support/grammar-text.ts";
import { failure, generate, GREEDY, open, prompt } from "../../support/forward-engine.ts";

const modelPath = process.env.TRIMTAB_MODEL ?? defaultModelPath();
const engine = await createEngine({ modelPath, contextTokens: 1024, threads: 1 });
const { stopIds, vocabulary } = engine.model;
const { tokens: BYTES } = readGrammarVocabulary({
  modelPath,
  quantize: null,
  digest: engine.model.digest,
  identity: identityOfModel(modelPath),
  vocabulary,
});
const SEEDS = process.env.TRIMTAB_TEST_FULL ? 64 : 4;
const SEEDS_AT_ONCE = 16;
const PERSON = {
  type: "object",
  properties: {
    ...{ name: { type: "string", maxLength: 12 }, age: { type: "integer", minimum: 0, maximum: 120 } },
    tags: { type: "array", items: { enum: ["red", "rest", "blue"] }, maxItems: 3 },
    place: {
      type: "object",
      properties: {
        x: { type: "number", minimum: -1, maximum: 1 },
        kind: { type: ["string", "null"], maxLength: 4 },
      },
      required: ["x"],
    },
  },
  required: ["name", "age"],
};

afterAll(() => engine.close());

const schema = (value: unknown) =>
  constraintOf({ case: "jsonSchema", value: { schema: JSON.stringify(value) } as never });
const textOf = (tokens: readonly ScoredToken[]): string =>
  Buffer.concat(
    tokens.filter(({ id }) => !stopIds.includes(id)).map(({ id }) => BYTES[id] ?? Buffer.of()),
  ).toString();

/** A generation at high temperature; its text. */
async function write(constraint: GrammarSource, seed: number, more: Partial<CommandInput<"generate">> = {}) {
  const { sequence } = await open(engine, prompt(12, 5));
  const sampling = { ...GREEDY, temperature: 1 + (seed % 3) / 4, seed: BigInt(seed) };
  const answer = await generate(engine, sequence, { maxTokens: 300, stopIds, sampling, constraint, ...more });
  await engine.call({ type: "release", sequences: [sequence] });
  return { ...answer, text: textOf(answer.tokens) };
}

const isPerson = new Ajv2020().compile(PERSON);
const LIST = {
  type: "array",
  items: { type: "integer", minimum: -5, maximum: 300 },
  minItems: 2,
  maxItems: 4,
};
const isList = new Ajv2020().compile(LIST);
const words = ["yes", "yesterday", "no"];
const sum = 'root ::= term ("+" term){1,3}\nterm ::= [0-9]{1,3} | "(" root ")"';
const phone = "[A-Z][a-z]{2,8} \\d{3}-\\d{4}";
const valueOf = (text: string) => Function(`return ${text.replaceAll(/\b0+(?=\d)/g, "")}`)();
const KINDS: readonly (readonly [GrammarSource, (text: string) => boolean])[] = [
  [schema(PERSON), (text) => isPerson(JSON.parse(text))],
  [schema(LIST), (text) => isList(JSON.parse(text))],
  [constraintOf({ case: "regex", value: phone }), (text) => new RegExp(`^${phone}$`).test(text)],
  [constraintOf({ case: "ebnf", value: sum }), (text) => /^[0-9+()]+$/.test(text) && valueOf(text) >= 0],
  [constraintOf({ case: "choice", value: { values: words } as never }), (text) => words.includes(text)],
];

// All kinds at once, some seeds a test: the many of a long run do not fit into the time of one.
for (let first = 0; first < SEEDS; first += SEEDS_AT_ONCE) {
  const seeds = Array.from({ length: Math.min(SEEDS_AT_ONCE, SEEDS - first) }, (_, at) => first + at);
  test(`every answer that ends is what its constraint says, at temperatures over 1 (seeds ${first} …)`, async () => {
    const runs = KINDS.flatMap(([constraint, isRight]) =>
      seeds.map(async (seed) => {
        const { reason, text } = await write(constraint, seed);
        const right = reason === "stop" ? isRight(text) : "cut";
        return { field: constraint.field, seed, text, reason, right };
      }),
    );
    const answers = await Promise.all(runs);
    expect(answers.filter(({ right }) => right !== true)).toEqual([]);
  }, 120_000);
}

test("log-probabilities and alternatives are those of the raw row, and the token limit is reported", async () => {
  const constraint = constraintOf({ case: "choice", value: { values: ["impossible here"] } as never });
  const { tokens, reason } = await write(constraint, 1, { maxTokens: 2, topLogprobs: 20 });
  expect(reason).toBe("length");
  const [first] = tokens;
  const free = await write(constraint, 1, { maxTokens: 1, topLogprobs: 20, constraint: null });
  expect(first?.top).toEqual(free.tokens[0]?.top ?? []);
  const top = first?.top ?? [];
  expect(first?.logprob).toBe(top.find(({ id }) => id === first?.id)?.logprob ?? first?.logprob);
  expect(first?.logprob).toBeLessThan(top[0]?.logprob ?? 0);
}, 120_000);

test("a fork and a truncated sequence go on with the text where it stands", async () => {
  const constraint = schema(PERSON);
  const { sequence } = await open(engine, prompt(12, 5));
  const options = { stopIds, constraint, sampling: { ...GREEDY, temperature: 1.2, seed: 9n } };
  const begun = await generate(engine, sequence, { ...options, maxTokens: 7 });
  const children = [engine.newSequence(), engine.newSequence()] as const;
  await engine.call({ type: "fork", sequence, children });
  const finish = async (id: SequenceId, head: readonly ScoredToken[], stream: bigint) => {
    const rest = await generate(engine, id, { ...options, maxTokens: 300, stream });
    return new Ajv2020().validate(PERSON, JSON.parse(textOf([...head, ...rest.tokens])));
  };
  await engine.call({ type: "truncate", sequence, tokens: 12 + 3 });
  expect(
    await Promise.all([
      finish(children[0], begun.tokens, 1n),
      finish(children[1], begun.tokens, 2n),
      finish(sequence, begun.tokens.slice(0, 3), 3n),
    ]),
  ).toEqual([true, true, true]);
  await engine.call({ type: "release", sequences: [sequence, ...children] });
}, 120_000);

test("G21 a grammar the library refuses fails alone; the others' texts and bits stay the same", async () => {
  const constraint = schema(PERSON);
  const alone = await write(constraint, 3);
  const wrong = constraintOf({ case: "ebnf", value: 'root ::= "a" missing' });
  const [error, beside, free] = await Promise.all([
    failure(write(wrong, 1)),
    write(constraint, 3),
    write(constraint, 3, { constraint: null, maxTokens: 20 }),
  ]);
  expect(error).toMatchObject({ reason: "INVALID_ARGUMENT", field: "constraint.ebnf" });
  expect(error.message).toContain("missing");
  expect(beside.tokens).toEqual(alone.tokens);
  expect(free.tokens).toEqual((await write(constraint, 3, { constraint: null, maxTokens: 20 })).tokens);
  expect(await failure(engine.call({ type: "constraint", grammar: wrong, key: "" }))).toMatchObject({
    field: "constraint.ebnf",
  });
}, 120_000);
