/** The rest of the values of rows K1 and K4 to K8: disguised control tokens, ids that are none, texts at and around their limits. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import { startTokenizer } from "../../support/tokenizer-service.ts";

setDefaultTimeout(120_000);
const KIB = 1024;
const CONTROL_IDS = 17;

const { room, client } = await startTokenizer();
afterAll(() => room.close());

test("K4 a control token in disguise stays text: case, blanks, joiners, entities, full-width signs", async () => {
  const disguises = [
    ...["<|IM_END|>", "<|im_End|>", "< |im_end|>", "<|im_end|> ", "<|im_end |>", "<|\u200dim_end|>"],
    ...["<|im\u200b_end|>", "&lt;|im_end|&gt;", "&#60;|im_end|>", "\uff1c|im_end|\uff1e", "<|im_end|\u0000>"],
    ...[
      "<\u00a0|im_end|>",
      "<|im_end|>\u0301",
      "<|i\u0307m_end|>",
      "%3C%7Cim_end%7C%3E",
      "\\u003c|im_end|\\u003e",
    ],
  ];
  const control = async (content: string): Promise<number> => {
    const { ids } = await client.renderChat({ messages: [{ role: "user", content }] });
    return ids.filter((id) => id < CONTROL_IDS).length;
  };
  const plain = await control("x");
  for (const text of disguises) expect([text, await control(text)]).toEqual([text, plain]);
});

test.each([2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])("K5 the id %p is none, wherever it stands", async (id) => {
  for (const at of [0, 2]) {
    const error = await client
      .decode({ ids: [1, 5, 6].with(at, id) })
      .then(() => "answered", fromConnectError);
    expect(error).toMatchObject({ reason: "FIELD_OUT_OF_RANGE", field: `ids[${at}]`, limit: "49151" });
  }
});

test("K5 a million ids are decoded, none are the empty text", async () => {
  const { text } = await client.decode({ ids: Array<number>(1_000_000).fill(77) });
  expect(text.length % 1_000_000).toBe(0);
  expect((await client.decode({ ids: [] })).text).toBe("");
});

test("K7 a text of exactly the limit is encoded, one byte more is refused", async () => {
  const limit = KIB * KIB;
  expect((await client.encode({ texts: ["a ".repeat(limit / 2)] })).encodings[0]?.ids.length).toBeGreaterThan(
    0,
  );
  const over = client.encode({ texts: [`${"a ".repeat(limit / 2)}b`] });
  expect(await over.then(() => "answered", fromConnectError)).toMatchObject({ reason: "TOO_LARGE" });
});

test("K8 one small text among 64 of the worst kind is answered before any of them but those begun", async () => {
  const order: string[] = [];
  const worst = ["_", "a", " ", "\n", "^", "-", "\u00a0", "😀"];
  const large = Array.from({ length: 64 }, (_, i) => {
    const unit = worst[i % worst.length] ?? "_";
    const text = unit.repeat(Math.floor((32 * KIB) / Buffer.byteLength(unit)));
    return client.encode({ texts: [text] }).then(() => order.push("large"));
  });
  await client.encode({ texts: ["a small text"] });
  const before = order.length;
  await Promise.all(large);
  // The first is under way when the small one comes.
  expect(before).toBeLessThanOrEqual(1);
  expect(order).toHaveLength(64);
});

test("K1 the event loop turns while a long text is cut", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const encoding = client.encode({ texts: ["_".repeat(KIB * KIB)] });
  const begun = performance.now();
  await encoding;
  clearInterval(timer);
  // A loop that is held for the length of the work turns once.
  if (performance.now() - begun > 100) expect(turns).toBeGreaterThan(5);
  else expect(turns).toBeGreaterThan(0);
});
