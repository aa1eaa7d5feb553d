/** Constraints are read by threads: one that takes long, or ends its thread, is its caller's trouble and nobody else's. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { TrimtabError } from "#kit/errors.ts";
import { createGrammarReaders } from "../../../services/forward/src/grammar/readers.ts";
import { constraintOf } from "../../support/grammar-text.ts";

setDefaultTimeout(120_000);
const OVER = new TrimtabError("CANCELLED", "the test is over");
const regex = (value: string) => constraintOf({ case: "regex", value });
const ebnf = (value: string) => constraintOf({ case: "ebnf", value });

/** A schema of many patterns, each of which takes a part of a second. */
function slowSchema(longest: number) {
  const properties = Array.from({ length: 200 }, (_, i) => [
    `p${i}`,
    { type: "string", pattern: `^[ab]{0,${longest - i}}$` },
  ]);
  const schema = JSON.stringify({ type: "object", properties: Object.fromEntries(properties) });
  return constraintOf({ case: "jsonSchema", value: { schema, strict: true } as never });
}

test("a caller's slow constraints keep that caller waiting, not others", async () => {
  const readers = createGrammarReaders();
  const order: string[] = [];
  const read = (name: string, source: ReturnType<typeof regex>, key: string) =>
    readers.read(source, key).then(
      () => void order.push(name),
      (error: unknown) => void order.push(error === OVER ? "given up" : name),
    );
  const slow = [
    read("slow", slowSchema(900), "a"),
    read("slow", slowSchema(899), "a"),
    read("own", regex("a"), "a"),
  ];
  await Promise.all([read("b", regex("b+"), "b"), read("c", regex("c+"), "c")]);
  readers.close(OVER);
  await Promise.all(slow);
  expect(order.slice(0, 2).sort()).toEqual(["b", "c"]);
  expect(order.slice(2)).toEqual(["given up", "given up", "given up"]);
});

test("a grammar that ends the library is refused in its words, and those behind it are read", async () => {
  const readers = createGrammarReaders();
  const reads = [ebnf("root ::= nothing"), regex("a|b"), ebnf('root ::= "a'), ebnf('root ::= "a"')].map(
    (one) => readers.read(one, "a").catch((error: unknown) => error),
  );
  const refused = expect.objectContaining({ reason: "INVALID_ARGUMENT", field: "constraint.ebnf" });
  const text = expect.stringContaining("::=");
  expect(await Promise.all(reads)).toEqual([refused, text, refused, text]);
  readers.close(OVER);
});
