// Verifiers that ask the model or read its probabilities: values from their definitions on a model with known answers.

import { expect, test } from "bun:test";
import type { ConnectRouter } from "@connectrpc/connect";
import { connectTo } from "#kit/clients.ts";
import { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import type { VerifierClients } from "../../../services/verifier/src/verifier.ts";
import { judge, openVerifier } from "./service.ts";

const token = (...logprobs: number[]) => ({
  id: 0,
  logprob: logprobs[0] ?? 0,
  top: logprobs.map((logprob, id) => ({ id, logprob })),
});

/** A model that says `probabilityOf(prompt, option)` for the first token of an option. */
function opinionated(probabilityOf: (prompt: string, option: string) => number): VerifierClients {
  const words: string[] = [];
  const idOf = (word: string) => {
    if (!words.includes(word)) words.push(word);
    return words.indexOf(word);
  };
  const routes = (router: ConnectRouter) => {
    router.service(TokenizerService, {
      encode: ({ texts }) => ({ encodings: texts.map((text) => ({ ids: [idOf(text)] })) }),
      renderChat: ({ messages }) => ({ ids: [idOf(messages.map(({ content }) => content).join("|"))] }),
    });
    router.service(ForwardService, {
      // Where tokens are bounded, an item costs one.
      score: ({ items, candidateIds, maxTokens }) => ({
        items: items.map(({ ids, first }, index) => {
          if (maxTokens > 0 && index >= maxTokens) return {};
          const prompt = words[ids[first - 1] ?? 0] ?? "";
          const candidateLogprobs = candidateIds.map((id) =>
            Math.log(probabilityOf(prompt, words[id] ?? "")),
          );
          return { tokens: [{ id: ids[first] ?? 0 }], candidateLogprobs };
        }),
        usage: { prefilledTokens: 7 },
      }),
    });
  };
  const connection = connectTo({ routes });
  return { tokenizer: connection.client(TokenizerService), forward: connection.client(ForwardService) };
}

const asked = (text: string) => ({ messages: [{ role: "user", content: "2+2?" }], text });

test("mean log-probability and self-certainty are their definitions, over all tokens, a window or the tail", async () => {
  const item = { tokens: [token(-1, -3), token(-3, -5), token(-2, -2)] };
  const score = async (name: string, parameters: object) =>
    (await judge(name, parameters as never, [item]))[0]?.score ?? Number.NaN;
  expect(await score("mean_logprob", {})).toBeCloseTo(Math.exp(-2), 6);
  expect(await score("mean_logprob", { stretch: "lowest", window: 2 })).toBeCloseTo(Math.exp(-2.5), 6);
  expect(await score("mean_logprob", { stretch: "tail", window: 1 })).toBeCloseTo(Math.exp(-2), 6);
  // Peaks are 2, 4 and 2 nats.
  expect(await score("self_certainty", {})).toBeCloseTo(8 / 3 / (1 + 8 / 3), 6);
  expect(await score("self_certainty", { stretch: "lowest", window: 1 })).toBeCloseTo(2 / 3, 6);
});

test("signals without tokens, without alternatives or not finite are failed verdicts", async () => {
  const items = [{}, { tokens: [{ id: 0, logprob: -1 }] }, { tokens: [token(Number.NaN, -1)] }];
  const failures = async (name: string) => (await judge(name, {}, items)).map(({ failure }) => failure);
  expect(await failures("mean_logprob")).toEqual(["FIELD_REQUIRED", "", "NON_FINITE"]);
  expect(await failures("self_certainty")).toEqual(["FIELD_REQUIRED", "FIELD_REQUIRED", "NON_FINITE"]);
});

test("p(True) is P(Yes) among Yes and No; a grade is the expected one", async () => {
  const model = opinionated((prompt, option) => {
    const isRight = prompt.includes("|4|");
    if (option === "Yes") return isRight ? 0.3 : 0.1;
    return option === "No" ? 0.1 : Number(option) / 15;
  });
  const verdicts = await judge("p_true", {}, [asked("4"), asked("5"), { text: "4" }], model);
  expect(verdicts.map(({ score }) => score?.toFixed(3))).toEqual(["0.750", "0.500", undefined]);
  expect(verdicts[2]?.failure).toBe("FIELD_REQUIRED");
  const [graded] = await judge("rubric_judge", {}, [asked("4")], model);
  // Grades 1..5 with probabilities 1/15..5/15: the mean is 55/15.
  expect(graded?.score).toBeCloseTo((55 / 15 - 1) / 4, 5);
});

test("pairs are judged in both orders, so that a preference for a place cancels out", async () => {
  const byPlace = opinionated((_, option) => (option === "A" ? 0.9 : 0.1));
  const same = await judge("pairwise_judge", {}, [asked("4"), asked("5")], byPlace);
  for (const { score, reason } of same) {
    expect(score).toBeCloseTo(0.5, 6);
    expect(reason).toContain("90.0 %");
  }
  const byWorth = opinionated((prompt, option) => {
    const first = Number(/Answer A:\n(\d)/.exec(prompt)?.[1]);
    const second = Number(/Answer B:\n(\d)/.exec(prompt)?.[1]);
    return first > second === (option === "A") ? 0.8 : 0.2;
  });
  const ordered = await judge("pairwise_judge", {}, [asked("1"), asked("3"), asked("2")], byWorth);
  expect(ordered.map(({ score }) => score?.toFixed(2))).toEqual(["0.20", "0.80", "0.50"]);
});

test("one answer without another wins without a question; of too many none is asked about", async () => {
  let questions = 0;
  const model = opinionated(() => (questions++, 0.5));
  const [alone] = await judge("pairwise_judge", {}, [asked("1")], model);
  expect([alone?.score, alone?.reason]).toEqual([1, "there is no other answer"]);
  const many = await judge(
    "pairwise_judge",
    {},
    Array.from({ length: 17 }, () => asked("1")),
    model,
  );
  expect(new Set(many.map(({ failure }) => failure))).toEqual(new Set(["FIELD_OUT_OF_RANGE"]));
  expect(questions).toBe(0);
});

test("a judge without a model, or with one that says NaN, fails as a value", async () => {
  const { client } = openVerifier(opinionated(() => 0.5));
  const verifiers = [{ name: "p_true" }];
  const bounded = await client.score({ items: [asked("4"), asked("5")], verifiers, maxTokens: 1 });
  expect(bounded.cut).toBe(true);
  expect(bounded.items.map(({ verdicts }) => verdicts[0]?.failure)).toEqual(["", "TOO_LARGE"]);
  const [absent] = await judge("p_true", {}, [asked("4")]);
  expect(absent?.failure).toBe("SERVICE_UNAVAILABLE");
  const [broken] = await judge(
    "p_true",
    {},
    [asked("4")],
    opinionated(() => Number.NaN),
  );
  expect([broken?.score, broken?.failure]).toEqual([undefined, "NON_FINITE"]);
});

test("a caller that generates is told what to tap, what is compared, and what a verifier knows", async () => {
  const { client } = openVerifier();
  const probe = { name: "linear_probe", parameters: { weights: [1], layer: 3 } };
  const verifiers = [probe, { name: "vote_share" }, { name: "pairwise_judge" }];
  const { requirements } = await client.getRequirements({ verifiers });
  expect(requirements.map(({ taps }) => taps.map(({ layers }) => layers))).toEqual([[[3]], [], []]);
  expect(requirements.map(({ comparesItems }) => comparesItems)).toEqual([false, true, true]);
  expect(requirements.map(({ maxItems }) => maxItems)).toEqual([0, 0, 16]);
});
