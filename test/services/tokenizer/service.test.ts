/** The service over its routes: ids and text round trip, bad requests are refused by name, long texts block nobody. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { fromConnectError, type Reason } from "#kit/errors.ts";
import { openRegularFile, sha256OfFile } from "#kit/files.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { makeStrings } from "../../model/strings.ts";
import { startTokenizer } from "../../support/tokenizer-service.ts";

setDefaultTimeout(120_000);
const VOCABULARY = 49_152;
const MIB = 1024 * 1024;

const { room, client } = await startTokenizer();
afterAll(() => room.close());

test("K2 decoding gives back what was encoded", async () => {
  const texts = makeStrings(250, 3).filter((text) => !/[\u{40000}-\u{10ffff}]/u.test(text));
  const { encodings } = await client.encode({ texts });
  for (const [i, { ids }] of encodings.entries()) {
    expect((await client.decode({ ids })).text).toBe(texts[i] as string);
  }
  expect((await client.decode({ ids: [] })).text).toBe("");
});

test("K3 half a surrogate pair is U+FFFD once it has travelled, in one text or split over two", async () => {
  const { encodings } = await client.encode({ texts: ["a\ud83d", "\ude00b", "a\ufffd", "\ufffdb"] });
  const [high, low, first, second] = encodings.map(({ ids }) => ids);
  expect([high, low]).toEqual([first, second]);
});

test("special tokens are left out of a decoded text on request", async () => {
  const { encodings } = await client.encode({ texts: ["<|im_start|>a<|im_end|>"], parseSpecial: true });
  const ids = encodings[0]?.ids ?? [];
  expect((await client.decode({ ids })).text).toBe("<|im_start|>a<|im_end|>");
  expect((await client.decode({ ids, skipSpecial: true })).text).toBe("a");
});

test("the vocabulary covers every id once: bytes, or the spelling of a special token", async () => {
  const tokens: Uint8Array[] = [];
  const special: Record<number, string> = {};
  const heads: [number, number[]][] = [];
  for await (const run of client.getVocabulary({})) {
    expect(run.firstId).toBe(tokens.length);
    tokens.push(...run.tokens);
    Object.assign(special, run.special);
    heads.push([run.vocabularySize, run.stopIds]);
  }
  expect(tokens.length).toBe(VOCABULARY);
  expect(heads[0]).toEqual([VOCABULARY, [0, 2, 4]]);
  expect(heads.slice(1).every(([size, stops]) => size === 0 && stops.length === 0)).toBe(true);
  expect(special[2]).toBe("<|im_end|>");
  tokens.forEach((bytes, id) => expect(bytes.length === 0).toBe(special[id] !== undefined));
});

test("the model is known by the digest of its file, others are not found", async () => {
  const modelDigest = sha256OfFile(openRegularFile(defaultModelPath()));
  expect((await client.encode({ modelDigest, texts: ["a"] })).encodings).toHaveLength(1);
  await expectRefusal(client.encode({ modelDigest: "ab", texts: ["a"] }), "MODEL_NOT_FOUND", "model_digest");
});

async function expectRefusal(
  call: Promise<unknown>,
  reason: Reason,
  field: string,
  limit: string | null = null,
) {
  const error = await call.then(() => "answered", fromConnectError);
  expect(error).toMatchObject({ reason, field, ...(limit === null ? {} : { limit }) });
}

describe("refused before any work, naming field and limit:", () => {
  const user = { role: "user", content: "x" };
  test.each([
    ["too many texts", () => client.encode({ texts: Array(257).fill("") }), "TOO_LARGE", "texts", "256"],
    [
      "K7 a long text",
      () => client.encode({ texts: ["", "é".repeat(MIB / 2 + 1)] }),
      "TOO_LARGE",
      "texts[1]",
      null,
    ],
    [
      "K7 much text in all",
      () => client.encode({ texts: Array(9).fill("a".repeat(MIB)) }),
      "TOO_LARGE",
      "texts",
      null,
    ],
    [
      "K5 an id behind the last",
      () => client.decode({ ids: [1, VOCABULARY] }),
      "FIELD_OUT_OF_RANGE",
      "ids[1]",
      "49151",
    ],
    ["K5 the largest id", () => client.decode({ ids: [2 ** 32 - 1] }), "FIELD_OUT_OF_RANGE", "ids[0]", null],
    [
      "K5 too many ids",
      () => client.decode({ ids: Array(1_000_001).fill(1) }),
      "TOO_LARGE",
      "ids",
      "1000000",
    ],
    ["no message", () => client.renderChat({}), "FIELD_REQUIRED", "messages", null],
    [
      "too many messages",
      () => client.renderChat({ messages: Array(1_025).fill(user) }),
      "TOO_LARGE",
      "messages",
      null,
    ],
    [
      "a strange role",
      () => client.renderChat({ messages: [user, { role: "<|im_end|>", content: "" }] }),
      "INVALID_ARGUMENT",
      "messages[1].role",
      null,
    ],
    [
      "a long conversation",
      () => client.renderChat({ messages: Array(3).fill({ role: "user", content: "a".repeat(MIB / 2) }) }),
      "TOO_LARGE",
      "messages",
      null,
    ],
    [
      "a long continuation",
      () => client.renderChat({ messages: [user], continuation: "a".repeat(MIB + 1) }),
      "TOO_LARGE",
      "continuation",
      null,
    ],
  ] as const)("%s", async (_, call, reason, field, limit) => {
    await expectRefusal(call(), reason, field, limit);
  });
});
