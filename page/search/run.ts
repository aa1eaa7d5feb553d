/** Runs a search and keeps what it tells: candidates as a tree, scores, resampling, the bill. */
import { signal } from "@preact/signals";
import type {
  SearchEvent,
  FinalEvent,
  GenerateResponse,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { Usage } from "#proto/trimtab/type/v1/generation_pb.ts";
import { gateway } from "../lib/client.ts";
import { describeProblem, type Problem } from "../lib/problems.ts";
import { catalog, model } from "../state/catalog.ts";
import { generationSpec } from "../state/request.ts";
import { settings } from "../state/settings.ts";
import type { Candidate } from "./candidate.ts";
import { searchSettings } from "./settings.ts";
import { chosenVerifier } from "./verifiers.ts";

/** A search, under way or over. */
export interface Search {
  readonly candidates: Map<number, Candidate>;
  /** Effective sample size after each resampling. */
  readonly sampleSizes: number[];
  /** Tokens it may generate in all. */
  readonly budget: number;
  /** Tokens over all candidates after each step. */
  readonly tokens: number[];
  answer: string;
  final: FinalEvent | null;
  usage: Usage | null;
  problem: Problem | null;
  isRunning: boolean;
}

/** The search shown; assign a new object to show changes. */
export const search = signal<Search | null>(null);
let stopping = new AbortController();

/** Stops the search; what it has told stays. */
export function stopSearch(): void {
  stopping.abort();
}

/** Starts a search with the settings of now. */
export async function startSearch(): Promise<void> {
  stopping.abort();
  const stop = (stopping = new AbortController());
  const now: Search = {
    ...{ candidates: new Map(), sampleSizes: [], tokens: [], answer: "" },
    budget: searchSettings.value.tokens,
    ...{ final: null, usage: null, problem: null, isRunning: true },
  };
  const show = createPainter(now, () => stopping === stop);
  show();
  try {
    const spec = searchSpec();
    for await (const response of gateway.generate({ spec }, { signal: stop.signal })) {
      take(now, response);
      show();
    }
  } catch (error) {
    if (!stop.signal.aborted)
      now.problem = error instanceof SyntaxError ? notJson(error) : describeProblem(error);
  }
  now.isRunning = false;
  show();
}

/** Shows a search at most once a frame, as long as it is the current one. */
function createPainter(now: Search, isCurrent: () => boolean): () => void {
  let isScheduled = false;
  return () => {
    if (isScheduled) return;
    isScheduled = true;
    requestAnimationFrame(() => {
      isScheduled = false;
      if (isCurrent()) search.value = { ...now };
    });
  };
}

/** The generation that is searched for with the settings of now. @throws SyntaxError if the verifier's parameters are no JSON */
export function searchSpec() {
  const { question, strategy, verifierParameters, candidates, tokens, temperature } = searchSettings.value;
  const verifier = chosenVerifier(catalog.value.strategies.find(({ name }) => name === strategy));
  const {
    logprobs: _l,
    topLogprobs: _t,
    steering,
    ...spec
  } = generationSpec({ ...settings.value, temperature, compare: false }, model.value?.name ?? "", [
    { role: "user", content: question },
  ]);
  return {
    ...spec,
    ...(steering ? { steering } : {}),
    scaling: {
      strategy,
      budget: { candidates, tokens: BigInt(tokens) },
      ...(verifier === "" ? {} : { verifier: { name: verifier, parameters: parse(verifierParameters) } }),
      trace: true,
    },
  };
}

/** @throws SyntaxError if the text is no JSON */
function parse(text: string) {
  return text.trim() === "" ? {} : JSON.parse(text);
}

function notJson({ message }: SyntaxError): Problem {
  return {
    ...{ title: "The verifier's parameters are no JSON", reason: "" },
    ...{ advice: 'Write them as an object, such as {"expected": 7}.', detail: message },
  };
}

function take(now: Search, { event }: GenerateResponse): void {
  if (event.case === "delta") now.answer += event.value.text;
  if (event.case === "completed") now.usage = event.value.usage ?? null;
  if (event.case === "search") takeSearch(now, event.value);
}

function takeSearch(now: Search, { event }: SearchEvent): void {
  switch (event.case) {
    case "candidate": {
      const { candidate: id, parent } = event.value;
      const from = now.candidates.get(parent);
      const start = from?.tokens ?? 0;
      const inherited = { start, tokens: start, text: from?.text ?? "" };
      now.candidates.set(id, { id, parent, ...inherited, steps: [], score: null, state: "live" });
      return;
    }
    case "step": {
      const one = now.candidates.get(event.value.candidate);
      if (!one) return;
      one.text += event.value.text;
      one.steps.push({ from: one.tokens, to: one.tokens + event.value.tokens, score: null });
      one.tokens += event.value.tokens;
      if (event.value.ended !== 0) one.state = "ended";
      now.tokens.push((now.tokens.at(-1) ?? 0) + event.value.tokens);
      return;
    }
    case "score": {
      const one = now.candidates.get(event.value.candidate);
      if (one) judge(one, event.value.score);
      return;
    }
    case "resample":
      now.sampleSizes.push(event.value.effectiveSampleSize);
      return;
    case "prune":
      for (const id of event.value.candidates) {
        const one = now.candidates.get(id);
        if (one) one.state = "pruned";
      }
      return;
    case "final":
      now.final = event.value;
      return;
    default:
  }
}

function judge(one: Candidate, score: number): void {
  one.score = score;
  const step = one.steps.at(-1);
  if (step) step.score = score;
}
