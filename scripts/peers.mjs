// What benchmarks (`npm run bench -- engine`, `… search`) compare with, kept in the cache: `node scripts/peers.mjs` prints what is there as JSON, `… llama-server` (and so on)
// gets that peer first. `npm run bench:peers` comes here.

import "./lib/node-version.mjs";
import { parseArgs } from "node:util";
import { runMain, SetupFailure } from "./lib/failure.mjs";
import { cacheFolder } from "./model.mjs";
import { ensureChromium, findChromium } from "./peers/chromium.mjs";
import { itsHub } from "./peers/its-hub.mjs";
import { ensureLlamaServer, findLlamaServer } from "./peers/llama-server.mjs";
import { ensureNodeLlama, findNodeLlama } from "./peers/node-llama-cpp.mjs";
import { onnxRuntimeWeb, transformersJs } from "./peers/transformers-js.mjs";
import { wllamaPeer } from "./peers/wllama.mjs";

/** Each peer: how to look for it, and how to get it. */
const PEERS = {
  "llama-server": { find: findLlamaServer, ensure: ensureLlamaServer },
  "its-hub": itsHub,
  "node-llama-cpp": { find: findNodeLlama, ensure: ensureNodeLlama },
  chromium: { find: findChromium, ensure: ensureChromium },
  "wllama-2.3.1": wllamaPeer("2.3.1"),
  "wllama-3.8.1": wllamaPeer("3.8.1"),
  "transformers-js": transformersJs,
  "onnxruntime-web": onnxRuntimeWeb,
};

await runMain(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { jobs: { type: "string" } },
  });
  const cache = cacheFolder();
  for (const name of positionals.includes("all") ? Object.keys(PEERS) : positionals) {
    if (!Object.hasOwn(PEERS, name)) {
      throw new SetupFailure(
        "PEER_UNKNOWN",
        `no peer ${name}`,
        `Known: ${Object.keys(PEERS).join(", ")}, all.`,
      );
    }
    await PEERS[name].ensure(cache, values.jobs === undefined ? {} : { jobs: Number(values.jobs) });
  }
  const found = Object.entries(PEERS).map(([name, { find }]) => [name, find(cache)]);
  process.stdout.write(`${JSON.stringify(Object.fromEntries(found), undefined, 2)}\n`);
});
