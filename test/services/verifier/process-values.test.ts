// Exact values of answers in the making: can they still become right? Worked out by hand.

import type { JsonObject } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { judge, judgeTexts } from "./service.ts";

test("a sum is right so far as long as every line adds the next term to the right sum", async () => {
  const texts = [
    "",
    "3 + 4 = 7",
    "3 + 4 = 7\n7 + 5 = 12\nAnswer: 12",
    "3 + 4 = 8\n8 + 5 = 13",
    "3 + 5 = 8",
    "3 + 4 = 7\n7 + 5 = 12\nAnswer: 11",
    "3 + 4 = 7\n7 + 5 = 12\n12 + 0 = 12",
  ];
  const scores = await judge(
    "partial_sums",
    { terms: [3, 4, 5] },
    texts.map((text) => ({ text })),
  );
  expect(scores.map(({ score }) => score)).toEqual([1, 1, 1, 0, 0, 0, 0]);
});

test("an answer that has ended is right only if it was worked out to its end", async () => {
  const texts = ["", "3 + 4 = 7", "3 + 4 = 7\n7 + 5 = 12", "Answer: 12", "3 + 4 = 7\n7 + 5 = 12\nAnswer: 12"];
  const scored = async (finishReason: FinishReason) =>
    judge(
      "partial_sums",
      { terms: [3, 4, 5] },
      texts.map((text) => ({ text, finishReason })),
    );
  const scoresOf = async (reason: FinishReason) => (await scored(reason)).map(({ score }) => score);
  expect(await scoresOf(FinishReason.UNSPECIFIED)).toEqual([1, 1, 1, 1, 1]);
  expect(await scoresOf(FinishReason.STOP)).toEqual([0, 0, 0, 0, 1]);
  expect(await scoresOf(FinishReason.LENGTH)).toEqual([0, 0, 0, 0, 1]);
});

test("digits at the end of an answer in the making may be the first of more", async () => {
  const sums = { terms: [12, 3] };
  const numbers = { numbers: [8, 3], target: 24 };
  const open = async (name: string, parameters: JsonObject, text: string) =>
    (await judge(name, parameters, [{ text }, { text, finishReason: FinishReason.STOP }])).map(
      ({ score }) => score,
    );
  expect(await open("partial_sums", sums, "12 + 3 = 1")).toEqual([1, 0]);
  expect(await open("partial_sums", sums, "12 + 3 = 15\nAnswer: 1")).toEqual([1, 0]);
  expect(await open("partial_sums", sums, "12 + 3 = 1\n")).toEqual([0, 0]);
  expect(await open("reachable_target", numbers, "8 * 3 = 2")).toEqual([1, 0]);
  expect(await open("reachable_target", numbers, "8 * 3 = 3")).toEqual([0, 0]);
  expect(await open("equations", {}, "8 * 3 = 24\n8 * 4 = 3")).toEqual([1, 0.5]);
});

test("Countdown counts with what is rounded, and an answer that states another number is wrong", async () => {
  const rounded = "7 / 3 = 2.333333333\nAnswer: 2.333333333 * 6";
  const coarse = "7 / 3 = 2.33\nAnswer: 2.33 * 6";
  const numbers = [7, 3, 6];
  expect(await judgeTexts("reachable_target", { numbers, target: 14 }, [rounded, coarse])).toEqual([
    "1 reachable",
    "0 wrong",
  ]);
  const texts = ["8 * 3 = 24\nAnswer: 9", "8 * 3 = 24\nAnswer: 24", "8 * 3 = 24\nThe answer is above."];
  expect(await judgeTexts("reachable_target", { numbers: [8, 3], target: 24 }, texts)).toEqual([
    "0 wrong",
    "1 reachable",
    "1 reachable",
  ]);
});

test("errors made on purpose: drawn in, over-confident early, noisy, and the same whenever they are asked for", async () => {
  const texts = ["3 + 4 = 7\n", "3 + 4 = 8\n", "3 + 4 = 7\n7 + 5 = 12\n"].map((text) => ({ text }));
  const scored = async (errors: JsonObject) =>
    (await judge("partial_sums", { terms: [3, 4, 5], errors }, texts)).map(({ score = Number.NaN }) => score);
  const logits = (scores: readonly number[]) => scores.map((score) => Math.log(score / (1 - score)));
  const plain = logits(await scored({}));
  expect(plain.map((logit) => logit.toFixed(3))).toEqual(["2.944", "-2.944", "2.944"]);
  const early = logits(await scored({ overconfidence: 3, early_steps: 1 }));
  expect(early.map((logit, i) => (logit / plain[i]!).toFixed(3))).toEqual(["3.000", "3.000", "1.000"]);
  const noisy = await scored({ noise: 1, seed: 4 });
  expect(await scored({ noise: 1, seed: 4 })).toEqual(noisy);
  expect(new Set([...noisy, ...(await scored({ noise: 1, seed: 5 }))]).size).toBe(6);
});

test("a target can be reached or not with the numbers that the lines have left", async () => {
  const texts = [
    "",
    "5 * 3 = 15",
    "5 - 3 = 2",
    "5 + 5 = 10",
    "5 * 3 = 14",
    "5 * 3 = 15\nAnswer: 5 * 3 + 2 = 17",
    "5 * 3 = 15\nAnswer: 15 + 2 = 17",
    "5 * 3 = 15\n15 + 2 = 17\nAnswer: 17",
    "5 * 3 = 15\nAnswer: 17",
    "Answer: it cannot be done",
    "5 * 3 = 15\nAnswer: 5 + 5 + 5 + 2 = 17",
  ];
  const verdicts = await judgeTexts("reachable_target", { numbers: [3, 5, 2], target: 17 }, texts);
  expect(verdicts).toEqual([
    "1 reachable",
    "1 reachable",
    "0 unreachable",
    "0 wrong",
    "0 wrong",
    "1 reachable",
    "1 reachable",
    "1 reachable",
    "0 wrong",
    "0 wrong",
    "0 wrong",
  ]);
});
