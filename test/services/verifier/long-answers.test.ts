// Answers that leave the model's context no room for a question: no verdict on them, and the others have theirs.

import { expect, test } from "bun:test";
import { TrimtabError } from "#kit/errors.ts";
import type { VerifierClients } from "../../../services/verifier/src/verifier.ts";
import { characterModel, judge } from "./service.ts";

const CONTEXT = 200;

/** A model of characters that refuses a call as forward does when one of its texts is longer than the context. */
const shortModel = (): VerifierClients =>
  characterModel(({ items, candidateIds }) => {
    const at = items.findIndex(({ ids }) => ids.length > CONTEXT);
    const field = `items[${at}].ids`;
    if (at >= 0) throw new TrimtabError("CONTEXT_OVERFLOW", "too long", { field, limit: CONTEXT });
    const tokens = [{ id: 1, logprob: -1 }];
    const candidateLogprobs = candidateIds.map(() => -1);
    return { items: items.map(() => ({ tokens, candidateLogprobs })), usage: { prefilledTokens: 5 } };
  });

test.each(["p_true", "rubric_judge"])(
  "%s judges the others when an answer is too long to be asked about",
  async (name) => {
    const texts = ["4", "so it is 4 ".repeat(CONTEXT), "5"];
    const items = texts.map((text) => ({ text, messages: [{ role: "user", content: "2+2?" }] }));
    const verdicts = await judge(name, {}, items, shortModel());
    expect(verdicts.map(({ failure }) => failure)).toEqual(["", "CONTEXT_OVERFLOW", ""]);
    const [alone] = await judge(name, {}, items.slice(1, 2), shortModel());
    expect(alone?.failure).toBe("CONTEXT_OVERFLOW");
  },
);
