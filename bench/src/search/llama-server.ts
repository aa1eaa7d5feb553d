/** Best of 8 by us beside llama-server's eight answers to one cached prompt, chosen among by the client, one problem each in turn. */
import { SERVER_CHOICES, startLlamaServer } from "../peers/llama-server.ts";
import { type BenchRow, rowOf } from "../rows.ts";
import { CANDIDATES, keyOf, type SearchBench, TEMPERATURE } from "./bench.ts";
import { bestOfN } from "./ours.ts";
import { drawSums } from "./problems.ts";

const MOST_TOKENS = 48;
/** One law for both: what the server's defaults leave out would make its answers shorter, and to draw from all tokens it sorts them. */
const LAW = { top_k: 40, top_p: 1, min_p: 0 };

/** Rows: wall time, and time a generated character: answers of different length are drawn, and of several its usage counts one. */
export async function besideLlamaServer(bench: SearchBench): Promise<BenchRow[]> {
  const { gateway, model, modelPath, threads, problems } = bench;
  const server = await startLlamaServer(modelPath, threads, SERVER_CHOICES[0]!);
  try {
    const wall = { ours: [] as number[], theirs: [] as number[] };
    const perCharacter = { ours: [] as number[], theirs: [] as number[] };
    for (const [seed, sum] of drawSums(problems + 1).entries()) {
      const asking = { url: gateway.url, model, candidates: CANDIDATES, temperature: TEMPERATURE, seed };
      const ours = await bestOfN({ ...asking, law: LAW }, sum);
      const theirs = await answerAll(server.url, sum.prompt, seed);
      if (seed === 0) continue;
      wall.ours.push(ours.wallMs);
      wall.theirs.push(theirs.wallMs);
      perCharacter.ours.push(ours.wallMs / ours.texts.join("").length);
      perCharacter.theirs.push(theirs.wallMs / theirs.texts.join("").length);
    }
    const peer = `llama-server ${server.version}`;
    return [
      rowOf(keyOf(bench, "search-best-of-8", peer), "ms a problem", wall.ours, wall.theirs),
      rowOf(
        keyOf(bench, "search-best-of-8-character", peer),
        "ms a character",
        perCharacter.ours,
        perCharacter.theirs,
      ),
    ];
  } finally {
    await server.close();
  }
}

async function answerAll(url: string, content: string, seed: number) {
  const beganMs = performance.now();
  const body = {
    ...{ messages: [{ role: "user", content }], max_tokens: MOST_TOKENS, temperature: TEMPERATURE, seed },
    ...{ n: CANDIDATES, cache_prompt: true, ...LAW },
  };
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as {
    readonly choices?: readonly { readonly message: { readonly content: string } }[];
  };
  if (answer.choices?.length !== CANDIDATES)
    throw new Error(`llama-server gave ${answer.choices?.length} answers`);
  return { wallMs: performance.now() - beganMs, texts: answer.choices.map(({ message }) => message.content) };
}
