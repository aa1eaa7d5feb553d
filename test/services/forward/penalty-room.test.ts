/** Penalties over texts longer than the sampler's table holds: refused by name before anything is drawn, never met by the kernel. */
import { expect, test } from "bun:test";
import { roomAfter } from "../../../services/forward/src/engine/jobs.ts";
import { createSetting } from "../../kernels/sample-setting.ts";
import { refusalOf } from "../../support/refusal.ts";

/** A vocabulary that the table cannot hold as a whole, and one that it can. */
const LARGEST = 1_048_576;
const USUAL = 151_936;
const SEEN = 65_535;
const NONE = {
  ...{ temperature: 1, topP: 1, topK: 0, minP: 0, seed: 0n, logitBias: [] },
  ...{ repetitionPenalty: 1, frequencyPenalty: 0, presencePenalty: 0 },
};

test("what there is room for under a penalty, the kernel takes, and not one token more", async () => {
  const state = { contextTokens: 2 ** 20, vocabulary: LARGEST };
  const sampling = { ...NONE, presencePenalty: 0.5, logitBias: [[7, 1]] as const };
  const tokens = 1_000;
  const room = roomAfter(state, tokens, { sampling });
  expect(room).toBe(SEEN - 1 - tokens + 1);
  const { sample, bench } = await createSetting(LARGEST);
  const history = bench.ints(Array.from({ length: SEEN + 1 }, (_, index) => index));
  const last = tokens + room - 1;
  const given = { presencePenalty: 0.5, history, bias: bench.bytes(8), biasCount: 1 };
  expect(sample({ ...given, historyCount: last }).finite).toBe(true);
  expect(() => sample({ ...given, historyCount: last + 1 })).toThrow("too many");
});

test("a text that is too long for a penalty is refused under that penalty's name; without one, or where every id has its place, it is not", () => {
  const state = { contextTokens: 2 ** 20, vocabulary: LARGEST };
  for (const [change, name] of [
    [{ repetitionPenalty: 1.1 }, "repetition_penalty"],
    [{ frequencyPenalty: -1 }, "frequency_penalty"],
    [{ presencePenalty: 1 }, "presence_penalty"],
  ] as const) {
    const sampling = { ...NONE, ...change };
    expect(roomAfter(state, SEEN, { sampling })).toBe(1);
    expect(refusalOf(() => roomAfter(state, SEEN + 1, { sampling }))).toMatchObject({
      reason: "FIELD_OUT_OF_RANGE",
      field: `sampling.${name}`,
      limit: `${SEEN} tokens`,
    });
    expect(roomAfter({ ...state, vocabulary: USUAL }, 2 ** 20 - 1, { sampling })).toBe(1);
  }
  expect(roomAfter(state, 2 ** 20 - 1, { sampling: NONE })).toBe(1);
});
