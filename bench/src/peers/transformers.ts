/**
 * transformers.js in a page of Chromium, on WebAssembly, with an ONNX decoder written from our model file: with its quantized codes
 * (`same`), and with all weights as f32, which its runtime multiplies faster when there is one row (`best`).
 */
import { existsSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { cacheDir } from "#kit/paths.ts";
import type { Contender, FileKind } from "../contender.ts";
import { openPage } from "./browser.ts";
import { findPeer } from "./found.ts";

const MAIN = join(import.meta.dir, "..", "..", "..", "cli", "main.ts");
/** Fewer steps than others take: it needs a quarter of a second and more for each. */
const STEPS = 12;
const KINDS = {
  same: { weights: "quantized", dtype: "q4", graph: "model_q4.onnx" },
  best: { weights: "f32", dtype: "fp32", graph: "model.onnx" },
} as const;

const SCRIPT = `
import { AutoModelForCausalLM, Tensor, env } from "/library/transformers.min.js";
env.allowRemoteModels = false;
env.allowLocalModels = true;
env.localModelPath = "/models/";
env.useBrowserCache = false;
env.backends.onnx.wasm.wasmPaths = location.origin + "/runtime/";
env.backends.onnx.wasm.numThreads = THREADS;
const model = await AutoModelForCausalLM.from_pretrained("NAME", { dtype: "DTYPE", device: "wasm" });
globalThis.tokensPerSecond = async (steps) => {
  const times = [];
  // The prompt comes first, then token after token.
  const streamer = { put: () => times.push(performance.now()), end() {} };
  const ids = new Tensor("int64", BigInt64Array.from([300n, 301n]), [1, 2]);
  const mask = new Tensor("int64", BigInt64Array.from([1n, 1n]), [1, 2]);
  const count = steps + 1;
  await model.generate({
    inputs: ids, attention_mask: mask, max_new_tokens: count, min_new_tokens: count, do_sample: false, streamer,
  });
  return (1000 * (times.length - 2)) / (times.at(-1) - times[1]);
};
globalThis.isReady = true;
`;

/** Loads a model into transformers.js. @throws Error when it or Chromium is absent, or the model cannot be written as ONNX. */
export async function startTransformers(
  modelPath: string,
  threads: number,
  file: FileKind,
): Promise<Contender> {
  const { path: library, version } = findPeer("transformers-js");
  const { path: runtime } = findPeer("onnxruntime-web");
  const name = basename(modelPath, ".gguf");
  const models = join(cacheDir(), "bench", "onnx");
  const { dtype } = exportOnce(modelPath, join(models, name), file);
  const script = SCRIPT.replace("THREADS", String(threads)).replace("NAME", name).replace("DTYPE", dtype);
  const browser = await openPage(script, { library, runtime, models });
  return {
    name: `transformers.js ${version}`,
    file,
    can: ({ metric, context }) => metric === "decode" && context === 0,
    measure: () => browser.page.evaluate(`globalThis.tokensPerSecond(${STEPS})`),
    settings: () => `${dtype} on WebAssembly, Chromium ${browser.version}`,
    close: browser.close,
  };
}

function exportOnce(modelPath: string, folder: string, file: FileKind): (typeof KINDS)[FileKind] {
  const kind = KINDS[file];
  if (existsSync(join(folder, "onnx", kind.graph))) return kind;
  mkdirSync(folder, { recursive: true });
  const args = ["model", "export", "--onnx", folder, "--model", modelPath, "--weights", kind.weights];
  const result = Bun.spawnSync([process.execPath, MAIN, ...args]);
  if (result.exitCode !== 0) throw new Error(result.stderr.toString());
  return kind;
}
