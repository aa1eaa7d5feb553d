/**
 * wllama in a page of Chromium. Version 2 is timed by its own benchmark call, version 3, which has none, by the timings of its
 * answers.
 */
import { join } from "node:path";
import type { Page } from "playwright-core";
import type { Cell, Contender, FileKind } from "../contender.ts";
import { openPage } from "./browser.ts";
import { findPeer } from "./found.ts";

/** A prompt that the slower version takes seconds for. */
const LONGEST_PROMPT = 128;
const CONTEXT_TOKENS = 1024;
/** It says tokens a second itself, and the slower version takes a tenth of a second a token. */
const LONGEST_ANSWER = 16;

/** What the page offers once its module has run. */
const SCRIPT = `
import { Wllama } from "/wllama/index.js";
const isOld = VERSION.startsWith("2.");
const wasm = isOld
  ? { "single-thread/wllama.wasm": "/wllama/single-thread/wllama.wasm", "multi-thread/wllama.wasm": "/wllama/multi-thread/wllama.wasm" }
  : { default: "/wllama/wasm/wllama.wasm" };
const quiet = { debug() {}, log() {}, warn() {}, error: console.error };
const engine = new Wllama(wasm, { suppressNativeLog: true, logger: quiet });
const blob = await (await fetch("/model")).blob();
await engine.loadModel([blob], { n_threads: THREADS, n_ctx: ${CONTEXT_TOKENS}, n_batch: 512, n_gpu_layers: 0 });
globalThis.tokensPerSecond = async (kind, tokens) => {
  if (isOld) return (1000 * tokens) / (await engine._testBenchmark(kind, tokens)).t_ms;
  const prompt = (Math.random() < 0.5 ? "#" : "+") + "~".repeat(kind === "pp" ? tokens - 1 : 3);
  const { timings } = await engine.createCompletion({
    prompt, max_tokens: kind === "pp" ? 1 : tokens, temperature: 0, ignore_eos: true, stream: false, cache_prompt: false,
  });
  return kind === "pp" ? timings.prompt_per_second : timings.predicted_per_second;
};
globalThis.isReady = true;
`;

/** Loads a model file into one version of wllama. @throws Error when wllama or Chromium is absent. */
export async function startWllama(
  version: "2.3.1" | "3.8.1",
  modelPath: string,
  threads: number,
  file: FileKind,
): Promise<Contender> {
  const { path } = findPeer(`wllama-${version}`);
  const script = SCRIPT.replace("VERSION", JSON.stringify(version)).replace("THREADS", String(threads));
  const browser = await openPage(script, { wllama: join(path, "esm"), model: modelPath });
  return {
    name: `wllama@${version}`,
    file,
    can: ({ metric, context, batch }) =>
      (metric === "decode" && context === 0) ||
      (metric === "prefill" && context <= LONGEST_PROMPT && batch === 1),
    measure: (cell) => measure(browser.page, cell),
    settings: () => `Chromium ${browser.version}`,
    close: browser.close,
  };
}

function measure(page: Page, { metric, context, steps }: Cell): Promise<number> {
  const [kind, tokens] = metric === "prefill" ? ["pp", context] : ["tg", Math.min(steps, LONGEST_ANSWER)];
  return page.evaluate(`globalThis.tokensPerSecond("${kind}", ${tokens})`);
}
