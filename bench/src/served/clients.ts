/** What clients of an OpenAI-compatible server do: 16 streamed chats at a time, and 16 answers to one prompt. */
import { idAt } from "../contender.ts";

/** A server under test. */
export interface Served {
  readonly url: string;
  /** Fields that keep its answers from ending early, so that all servers do the same work. */
  readonly endless: Readonly<Record<string, unknown>>;
  /** How 16 answers to one prompt are asked for, and what its answer says of each count of generated tokens. */
  readonly branches: {
    readonly path: string;
    body(ids: readonly number[]): Readonly<Record<string, unknown>>;
    readonly counts: RegExp;
  };
}

/** Chats at a time. */
export const CHATS = 16;
/** Tokens of a chat's answer. */
export const ANSWER_TOKENS = 32;
/** Tokens of the one prompt that is answered several times. */
export const PREFIX_TOKENS = 512;
/** Tokens of each of those answers. */
export const BRANCH_TOKENS = 32;
const TOPICS = [
  ...["the tides", "glass making", "bees", "bicycles", "bridges", "salt", "the printing press", "volcanoes"],
  ...["chess", "maps", "lighthouses", "paper", "steam engines", "windmills", "clocks", "silk"],
];

/** Generated tokens/s of 16 chats at once, each with a prompt of its own. */
export async function runChats(server: Served, round: number): Promise<number> {
  const beganMs = performance.now();
  const tokens = await Promise.all(TOPICS.map((topic, i) => runChat(server, topic, round * CHATS + i)));
  const elapsedMs = performance.now() - beganMs;
  return (1000 * tokens.reduce((sum, count) => sum + count, 0)) / elapsedMs;
}

/** The number comes first, so that no cache knows the prompt from an earlier round. */
async function runChat(server: Served, topic: string, number: number): Promise<number> {
  const content =
    `Question ${number}. I am preparing a short lesson about ${topic} for a class of twelve year olds. ` +
    `Explain in plain words why people cared about them two hundred years ago, and what has changed since.`;
  const text = await post(server.url, "/v1/chat/completions", {
    ...{ messages: [{ role: "user", content }], max_tokens: ANSWER_TOKENS, temperature: 0 },
    ...{ stream: true, stream_options: { include_usage: true } },
    ...server.endless,
  });
  const last = countsIn(text, /"completion_tokens":\s*(\d+)/g).at(-1);
  if (last !== ANSWER_TOKENS) throw new Error(`a chat had ${last ?? "no"} tokens, not ${ANSWER_TOKENS}`);
  return last;
}

/** Generated tokens/s of 16 answers to one prompt of 512 tokens that no cache knows. */
export async function runBranches({ url, branches, endless }: Served, round: number): Promise<number> {
  const ids = Array.from({ length: PREFIX_TOKENS }, (_, i) => idAt(i + 1000 + round));
  const beganMs = performance.now();
  const text = await post(url, branches.path, { ...branches.body(ids), ...endless });
  const elapsedMs = performance.now() - beganMs;
  const tokens = countsIn(text, branches.counts).reduce((sum, count) => sum + count, 0);
  const expected = CHATS * BRANCH_TOKENS;
  if (tokens !== expected) throw new Error(`${expected} tokens were asked for, ${tokens} came`);
  return (1000 * tokens) / elapsedMs;
}

const countsIn = (text: string, pattern: RegExp): number[] =>
  [...text.matchAll(pattern)].map(([, count]) => Number(count));

async function post(url: string, path: string, body: object): Promise<string> {
  const response = await fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    // A connection kept between two rounds may be one that the server has just given up.
    keepalive: false,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text.slice(0, 200)}`);
  return text;
}

/** Ours: the tokens that end an answer are made unlikely. */
export function servedByUs(url: string, model: string, stopIds: readonly number[]): Served {
  return {
    url,
    endless: { model, logit_bias: Object.fromEntries(stopIds.map((id) => [id, -100])) },
    branches: {
      path: "/v1/completions",
      body: (prompt) => ({ prompt, n: CHATS, max_tokens: BRANCH_TOKENS, temperature: 1, seed: 7 }),
      counts: /"completion_tokens":\s*(\d+)/g,
    },
  };
}

/** llama-server: it computes the prompt once for all answers (`n_cmpl`). */
export function servedByLlama(url: string): Served {
  const fixed = { n_cmpl: CHATS, n_predict: BRANCH_TOKENS, temperature: 1, cache_prompt: true, seed: 7 };
  return {
    url,
    endless: { ignore_eos: true },
    branches: {
      path: "/completion",
      body: (prompt) => ({ prompt, ...fixed }),
      counts: /"tokens_predicted":\s*(\d+)/g,
    },
  };
}
