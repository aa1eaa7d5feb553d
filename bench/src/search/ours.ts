/** Searches over our OpenAI endpoint, as a client asks for them. */
import type { Sum } from "./problems.ts";

/** A search that has ended. */
export interface Searched {
  readonly chosen: string;
  readonly texts: readonly string[];
  readonly scores: readonly number[];
  readonly answers: readonly string[];
  readonly prefilled: number;
  readonly generated: number;
  readonly wallMs: number;
}

/** What all searches of a run have in common. */
export interface Asking {
  readonly url: string;
  readonly model: string;
  readonly candidates: number;
  readonly temperature: number;
  readonly seed: number;
  /** Bounds of the tokens that are drawn, by their names in the body; absent: all of them. */
  readonly law?: Readonly<Record<string, number>>;
}

interface Answered {
  readonly choices: readonly {
    readonly message: { readonly content: string };
    readonly trimtab: {
      readonly search: {
        readonly candidates: readonly {
          readonly text: string;
          readonly score?: number;
          readonly answer: string;
        }[];
      };
    };
  }[];
  readonly usage: {
    readonly completion_tokens: number;
    readonly trimtab: { readonly prefilled_tokens: number };
  };
}

const MOST_TOKENS = 48;
/** Lines of a particle: its_hub counts them from 0, its `max_steps` is 5. It takes blank lines for steps, we do not. */
const MOST_STEPS = 6;

/** Particle filtering under the exact value of steps; a particle ends as its_hub's do, with a line that says "Answer" or so many lines. */
export const particleFilter = (asking: Asking, sum: Sum): Promise<Searched> =>
  search(asking, sum, {
    strategy: "particle-filtering",
    verifier: { name: "partial_sums", parameters: { terms: sum.terms } },
    step: { separators: ["\n"], final_markers: ["Answer"], max_steps: MOST_STEPS },
  });

/** Best of N by the mean log-probability of its tokens: no two scores are equal, and equals are where choices may differ. */
export const bestOfN = (asking: Asking, sum: Sum): Promise<Searched> =>
  search(asking, sum, { strategy: "best-of-n", verifier: "mean_logprob" });

/** The majority of the same N. */
export const majority = (asking: Asking, sum: Sum): Promise<Searched> =>
  search(asking, sum, { strategy: "self-consistency", parameters: { adaptive: false } });

/** The same N without a search. */
export const plainAnswers = ({ candidates, ...asking }: Asking, sum: Sum): Promise<unknown> =>
  post(asking, sum, { n: candidates });

async function search(asking: Asking, sum: Sum, scaling: object): Promise<Searched> {
  const beganMs = performance.now();
  const budget = asking.candidates;
  const { choices, usage } = await post(asking, sum, { scaling: { ...scaling, budget, trace: true } });
  const wallMs = performance.now() - beganMs;
  const found = choices[0]?.trimtab.search.candidates ?? [];
  return {
    chosen: choices[0]?.message.content ?? "",
    texts: found.map((one) => one.text),
    scores: found.map(({ score }) => score ?? Number.NaN),
    answers: found.map(({ answer }) => answer),
    prefilled: usage.trimtab.prefilled_tokens,
    generated: usage.completion_tokens,
    wallMs,
  };
}

async function post(
  { url, model, temperature, seed, law }: Omit<Asking, "candidates">,
  { prompt }: Sum,
  more: object,
): Promise<Answered> {
  const messages = [{ role: "user", content: prompt }];
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, temperature, seed, max_tokens: MOST_TOKENS, messages, ...law, ...more }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`a search was refused: ${text.slice(0, 300)}`);
  return JSON.parse(text) as Answered;
}
