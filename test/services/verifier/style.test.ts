// Verifiers of style: language, register, tone, and whether an answer admits that it is not known.
import { expect, test } from "bun:test";
import { errorOf, judgeTexts } from "./service.ts";

const labels = async (name: string, texts: readonly string[], parameters = {}): Promise<string[]> =>
  (await judgeTexts(name, parameters, [...texts])).map((verdict) => verdict.split(" ")[1] ?? "");

test("a language is told from its neighbours; a text too short to tell is not counted as it", async () => {
  const texts = [
    "La capitale de la France est Paris, une ville connue pour ses musées.",
    "The capital of France is Paris, a city that is known for its museums.",
    "La capital de Francia es París, una ciudad conocida por sus museos.",
    "Oui.",
    "",
  ];
  expect(await judgeTexts("language", { language: "fra" }, texts)).toEqual([
    "1 match",
    "0 other",
    "0 other",
    "0 undetermined",
    "0 undetermined",
  ]);
  expect(await labels("language", texts.slice(0, 2), { language: "eng", among: ["fra"] })).toEqual([
    "other",
    "match",
  ]);
  const refused = await errorOf(judgeTexts("language", { language: "xxx" }, texts));
  expect(refused.message).toContain("parameters.language must be equal to one of the allowed values");
});

test("contractions, slang and shouting are informal; words of letters are formal; neither is neutral", async () => {
  const texts = [
    "Hey, that's super easy! You're gonna love it, just grab a pan and don't worry.",
    "It is important to obtain the appropriate documents prior to the appointment. Furthermore, one must ensure that they are complete.",
    "Paris is the capital of France. It lies on the river Seine.",
    "",
  ];
  expect(await labels("register", texts)).toEqual(["informal", "formal", "neutral", "neutral"]);
});

test("tone follows the words and is turned by a negation", async () => {
  const texts = [
    "What a wonderful idea, I love it. You will be happy.",
    "That was a terrible, boring and sad film.",
    "The train leaves at nine.",
    "This is not good and I am not happy.",
    "constructor toString valueOf",
  ];
  expect(await labels("sentiment", texts)).toEqual([
    "positive",
    "negative",
    "neutral",
    "negative",
    "neutral",
  ]);
});

test("an admission counts in the opening only, and a loop is none", async () => {
  const long = Array.from({ length: 9 }, (_, i) => `In ${1900 + i} the town grew by house ${i}.`).join(" ");
  const texts = [
    "I don't know what you had for breakfast.",
    "It is impossible to say what the number will be. It may be even.",
    "Nobody knows for certain.",
    "She was born in 1851 in a village by the sea.",
    `${long} I don't know the rest.`,
    "I don't know. ".repeat(30),
  ];
  expect(await labels("hedging", texts)).toEqual([
    "admits",
    "admits",
    "admits",
    "asserts",
    "asserts",
    "incoherent",
  ]);
});
