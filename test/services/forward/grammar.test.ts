/** Constraints as grammars: what a grammar takes is valid (ajv, RegExp), and what cannot be enforced is refused by name. */
import { expect, test } from "bun:test";
import { GrammarCompiler, GrammarMatcher, TokenizerInfo } from "@mlc-ai/web-xgrammar";
import { Ajv2020 } from "ajv/dist/2020.js";
import { integersWithin, numbersWithin } from "../../../services/forward/src/grammar/ranges.ts";
import { grammarText, schemaGrammar } from "../../support/grammar-text.ts";
import { ACCEPTED, REFUSED, REGEXES, TEXTS, VALUES } from "../../support/json-schemas.ts";
import { createRandom } from "../../support/synthetic-model.ts";
import { refusalOf } from "../../support/refusal.ts";

const compiler = GrammarCompiler.createGrammarCompiler(await TokenizerInfo.createTokenizerInfo([]), false);

/** Which texts a grammar takes as a whole. */
async function taken(grammar: string, texts: readonly string[]): Promise<string[]> {
  const compiled = await (await compiler).compileGrammar(grammar);
  const found: string[] = [];
  for (const text of texts) {
    const matcher = await GrammarMatcher.createGrammarMatcher(compiled, undefined, true);
    const isTaken =
      text === "" ? matcher.isTerminated() : matcher._acceptString(text) && matcher.isTerminated();
    if (isTaken) found.push(text);
    matcher.dispose();
  }
  compiled.dispose();
  return found;
}

const ofSchema = (schema: unknown, strict = true) => schemaGrammar(JSON.stringify(schema), strict);
const ofRegex = (regex: string) => grammarText({ case: "regex", value: regex });

test("what a schema's grammar takes is valid, compact or indented, and it takes the values named", async () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  for (const { schema, takes } of ACCEPTED) {
    const isValid = ajv.compile(schema as object);
    const texts = VALUES.flatMap((value) => [JSON.stringify(value), JSON.stringify(value, null, 2)]);
    const found = await taken(ofSchema(schema), [...texts, ...takes.map((value) => JSON.stringify(value))]);
    const wrong = found.filter((text) => !isValid(JSON.parse(text)));
    expect({ schema, wrong }).toEqual({ schema, wrong: [] });
    expect(found).toEqual(expect.arrayContaining(takes.map((value) => JSON.stringify(value))));
  }
}, 120_000);

test("G21 what a grammar cannot enforce is refused by name, and ignored only if that is asked for", () => {
  for (const { schema, reason, says, ignorable } of REFUSED) {
    const error = refusalOf(() => ofSchema(schema));
    expect({ schema, reason: error.reason, field: error.field }).toEqual({
      schema,
      reason,
      field: "constraint.json_schema.schema",
    });
    expect(error.message).toContain(says);
    if (ignorable) expect(ofSchema(schema, false)).toStartWith("root ::=");
  }
});

test("a regular expression takes what RegExp matches as a whole", async () => {
  for (const pattern of REGEXES) {
    const whole = new RegExp(`^(?:${pattern})$`);
    expect({ pattern, taken: await taken(ofRegex(pattern), TEXTS) }).toEqual({
      pattern,
      taken: TEXTS.filter((text) => whole.test(text)),
    });
  }
  for (const pattern of [
    "a^b",
    "(?=a)b",
    "(a)\\1",
    "\\bfoo",
    "[^é]",
    "[一-鿿]",
    "(",
    "a{99999}",
    "(a{1,99}){1,99}",
  ]) {
    expect(["UNSUPPORTED", "INVALID_ARGUMENT", "FIELD_OUT_OF_RANGE"]).toContain(
      refusalOf(() => ofRegex(pattern)).reason,
    );
  }
}, 120_000);

test("a text of thousands of different characters has a state a character, and takes no work for those it has not", async () => {
  const text = Array.from({ length: 4_000 }, (_, index) => String.fromCodePoint(0x4e00 + index)).join("");
  const grammar = ofRegex(text);
  expect(grammar.split("\n")).toHaveLength(4_002);
  expect(await taken(grammar, [text, text.slice(1), `${text}a`])).toEqual([text]);
}, 120_000);

test("numbers stay within their bounds and reach them (seed 11)", async () => {
  const random = createRandom(11);
  const draw = (size: number) => Math.floor(((random() + 1) / 2) * size);
  for (let round = 0; round < 40; round++) {
    const scale = [1, 10, 1000][draw(3)] ?? 1;
    const low = (draw(400) - 200) / scale;
    const high = Number((low + (1 + draw(400)) / scale).toFixed(3));
    const bounds = { low, high, lowExcluded: draw(2) === 1, highExcluded: draw(2) === 1 };
    const isWithin = (value: number) =>
      (bounds.lowExcluded ? value > low : value >= low) &&
      (bounds.highExcluded ? value < high : value <= high);
    const near = [low, high, 0, 1, -1, 10, 100, (low + high) / 2].flatMap((center) =>
      [0, 1, -1, 0.1, -0.1].map((by) => Number((center + by).toFixed(3))),
    );
    const texts = [...new Set(near.filter((value) => !Object.is(value, -0)).map(String))];
    const numbers = numbersWithin(bounds);
    if (numbers === null) continue;
    expect({ bounds, taken: await taken(ofRegex(numbers), texts) }).toEqual({
      bounds,
      taken: texts.filter((text) => isWithin(Number(text))),
    });
    const integers = integersWithin(bounds);
    const whole = texts.filter((text) => Number.isInteger(Number(text)) && isWithin(Number(text)));
    expect(integers === null ? [] : await taken(ofRegex(integers), texts)).toEqual(whole);
  }
}, 120_000);

test("a mask within a string takes about as long as one before it, however many tokens go on there", async () => {
  const letters = [..."abcdefghijklmnopqrstuvwxyz"];
  const words = letters.flatMap((a) => letters.flatMap((b) => letters.map((c) => a + b + c)));
  const info = await TokenizerInfo.createTokenizerInfo([...words, '{"', '":', '"', "}"]);
  const compiled = await (
    await GrammarCompiler.createGrammarCompiler(info, false)
  ).compileGrammar(ofSchema({ type: "object", properties: { abc: { type: "string" } }, required: ["abc"] }));
  const fastest = async (text: string): Promise<number> => {
    const matcher = await GrammarMatcher.createGrammarMatcher(compiled);
    expect(matcher._acceptString(text)).toBe(true);
    const times: number[] = [];
    for (let round = 0; round < 9; round++) {
      const beganMs = performance.now();
      await matcher.getNextTokenBitmask();
      times.push(performance.now() - beganMs);
    }
    matcher.dispose();
    return Math.min(...times);
  };
  expect(await fastest('{"abc":"')).toBeLessThan(20 * (await fastest('{"abc":')));
});
