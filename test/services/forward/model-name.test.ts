/** Models are called by their file's name, in any case, with or without the quantization, as long as one is meant. */
import { expect, test } from "bun:test";
import { findModelName, shortModelName } from "../../../services/forward/src/handlers/model-name.ts";

const SMOL = "SmolLM2-135M-Instruct.Q4_1";

test("short names leave out the quantization and nothing else", () => {
  const names = [
    SMOL,
    "qwen2.5-coder-0.5b-instruct-q4_k_m",
    "gemma-3-270m.BF16",
    "tiny-IQ4_NL",
    "llama-3.2-1b",
  ];
  expect(names.map(shortModelName)).toEqual([
    "smollm2-135m-instruct",
    "qwen2.5-coder-0.5b-instruct",
    "gemma-3-270m",
    "tiny",
    "llama-3.2-1b",
  ]);
});

test("a reference finds the one model it means, and none where it could mean two", () => {
  const names = [SMOL, "Other.Q8_0"];
  for (const reference of [SMOL, "smollm2-135m-instruct", "SMOLLM2-135M-INSTRUCT.q4_1"])
    expect(findModelName(names, reference)).toBe(SMOL);
  expect(findModelName(names, "smollm2")).toBeUndefined();
  expect(findModelName([SMOL, "SmolLM2-135M-Instruct.Q8_0"], "smollm2-135m-instruct")).toBeUndefined();
  expect(findModelName([SMOL, "SmolLM2-135M-Instruct.Q8_0"], SMOL)).toBe(SMOL);
});
