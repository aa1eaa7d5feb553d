// node-llama-cpp under Node, as a program would use it: answers JSON requests, one a line. Arguments: the module, a model file,
// JSON options { threads, flash, sequences, contextTokens }. Requests: { metric, context, batch, steps } -> tokens/s.

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [modulePath, modelPath, optionsText] = process.argv.slice(2);
const { threads, flash, sequences, contextTokens } = JSON.parse(optionsText);
const { getLlama } = await import(pathToFileURL(modulePath).href);
const llama = await getLlama({ gpu: false, build: "never", maxThreads: threads, logLevel: "error" });
const model = await llama.loadModel({ modelPath });
const context = await model.createContext({
  ...{ contextSize: contextTokens, sequences, threads, batchSize: 512, flashAttention: flash },
});
const lanes = Array.from({ length: sequences }, () => context.getSequence());

/** Ordinary words in any vocabulary of 31,000 or more. */
let shift = 0;
const newIds = (count) => {
  shift += 1;
  return Array.from({ length: count }, (_, i) => 300 + (((i + shift) * 7919) % 30_000));
};

/** How deep each sequence was filled for its last decode, so that it is cut back instead of computed again. */
const filled = new Map();

async function fill(lane, depth) {
  if (depth > 0 && filled.get(lane) === depth) {
    return lane.eraseContextTokenRanges([{ start: depth, end: lane.nextTokenIndex }]);
  }
  await lane.clearHistory();
  if (depth > 0) await lane.evaluateWithoutGeneratingNewTokens(newIds(depth));
  filled.set(lane, depth);
}

async function prefill({ context: tokens }) {
  const [lane] = lanes;
  await lane.clearHistory();
  filled.delete(lane);
  const beganMs = performance.now();
  await lane.evaluateWithoutGeneratingNewTokens(newIds(tokens));
  return (1000 * tokens) / (performance.now() - beganMs);
}

async function decode({ context: depth, batch, steps }) {
  const used = lanes.slice(0, batch);
  for (const lane of used) await fill(lane, depth);
  // The clock starts when all have their first token, as with ours.
  let seen = 0;
  let beganMs = 0;
  await Promise.all(
    used.map(async (lane) => {
      let count = 0;
      for await (const _ of lane.evaluate(newIds(1), { temperature: 0, yieldEogToken: true })) {
        seen += 1;
        if (seen === batch) beganMs = performance.now();
        count += 1;
        if (count === steps + 1) break;
      }
    }),
  );
  return (1000 * (seen - batch)) / (performance.now() - beganMs);
}

process.stdout.write(`${JSON.stringify({ isReady: true })}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const cell = JSON.parse(line);
  try {
    const value = await (cell.metric === "prefill" ? prefill(cell) : decode(cell));
    process.stdout.write(`${JSON.stringify({ value })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`);
  }
}
