/** A constrained text that is generated in pieces, as searches do: it halts at the ends of steps and is read between them. */
import { expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Ajv2020 } from "ajv/dist/2020.js";
import { type GenerateCommand, GenerateCommandSchema } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { SequenceId } from "../../../services/forward/src/engine/protocol.ts";
import { toGenerate } from "../../../services/forward/src/schema/generation.ts";
import { generate, open, prompt, startEngineForFile } from "../../support/forward-engine.ts";
import { VOCABULARY } from "../../support/synthetic-model.ts";

/** A token is its ASCII character, in the spelling of vocabularies of bytes. */
const SPELLINGS = Array.from({ length: VOCABULARY }, (_, id) => {
  if (id === 10 || id === 32) return String.fromCharCode(256 + id);
  return id > 32 && id < 127 ? String.fromCharCode(id) : `t${id}`;
});
const END = 2;
const TIMEOUT_MS = 60_000;
const engine = await startEngineForFile({
  contextTokens: 512,
  synthetic: { metadata: { "tokenizer.ggml.tokens": SPELLINGS } },
});
const SCHEMA = {
  type: "object",
  properties: {
    name: { type: "string", minLength: 2, maxLength: 8 },
    age: { type: "integer", minimum: 0, maximum: 120 },
    tags: { type: "array", items: { enum: ["red", "blue"] }, minItems: 2, maxItems: 3 },
  },
  required: ["name", "age", "tags"],
};
const isRight = new Ajv2020().compile(SCHEMA);
const constraint = { kind: { case: "jsonSchema" as const, value: { schema: JSON.stringify(SCHEMA) } } };
const textOf = (ids: readonly number[]): string =>
  ids
    .filter((id) => id !== END)
    .map((id) => (id === 10 || id === 32 ? String.fromCharCode(id) : SPELLINGS[id]))
    .join("");

/** Generates as the service is asked to; the ids. */
async function go(
  sequence: SequenceId,
  seed: number,
  more: Exclude<MessageInitShape<typeof GenerateCommandSchema>, GenerateCommand>,
): Promise<number[]> {
  const sampling = { temperature: 1.2, seed: BigInt(seed) };
  const command = toGenerate(create(GenerateCommandSchema, { sampling, ...more }), engine.model);
  const { tokens } = await generate(engine, sequence, { ...command, sequence });
  return tokens.map(({ id }) => id);
}

/** What is wrong with a text, if anything is. */
function fault(ids: readonly number[]): string | undefined {
  const text = textOf(ids);
  try {
    return isRight(JSON.parse(text)) ? undefined : text;
  } catch {
    return text;
  }
}

test.each([",", "}", "\n"])(
  "stop ids end no constrained text: it goes on where it halted at %j (seeds 0 to 4)",
  async (text) => {
    const stopIds = [text.charCodeAt(0)];
    let halts = 0;
    for (let seed = 0; seed < 5; seed++) {
      const { sequence } = await open(engine, prompt(12, 5));
      const ids: number[] = [];
      while (ids.at(-1) !== END && ids.length < 200) {
        ids.push(...(await go(sequence, seed, { maxTokens: 100, stopIds, constraint })));
        if (ids.at(-1) === stopIds[0]) halts++;
      }
      expect(fault(ids)).toBeUndefined();
      await engine.call({ type: "release", sequences: [sequence] });
    }
    expect(halts).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);

test(
  "what is drawn freely to read a row, and cut off again, is no end of the text",
  async () => {
    const { sequence } = await open(engine, prompt(12, 5));
    const ids = await go(sequence, 1, { maxTokens: 6, constraint });
    for (let piece = 0; piece < 3; piece++) {
      await go(sequence, 1, { maxTokens: 1, ignoreModelStop: true });
      await engine.call({ type: "truncate", sequence, tokens: 12 + ids.length });
      ids.push(...(await go(sequence, 1, { maxTokens: 3, constraint })));
    }
    ids.push(...(await go(sequence, 1, { maxTokens: 200, constraint })));
    expect(fault(ids)).toBeUndefined();
    await engine.call({ type: "release", sequences: [sequence] });
  },
  TIMEOUT_MS,
);

test(
  "what follows a text that went on freely is a text of its own",
  async () => {
    const { sequence } = await open(engine, prompt(12, 5));
    await go(sequence, 1, { maxTokens: 6, constraint });
    await go(sequence, 1, { maxTokens: 2, ignoreModelStop: true });
    expect(fault(await go(sequence, 1, { maxTokens: 200, constraint }))).toBeUndefined();
    await engine.call({ type: "release", sequences: [sequence] });
  },
  TIMEOUT_MS,
);
