/** Runs a turn: streams its answers into place, stops. */
import { signal } from "@preact/signals";
import type { GenerateResponse } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { gateway } from "../lib/client.ts";
import { describeProblem } from "../lib/problems.ts";
import { model } from "../state/catalog.ts";
import {
  type Answer,
  keepConversation,
  messagesBefore,
  notifyGrowth,
  type Turn,
  turns,
} from "../state/conversation.ts";
import { generationSpec, steeringUse } from "../state/request.ts";
import { settings } from "../state/settings.ts";
import { spread } from "./spread.ts";

/** The turn under way; its generation has an id once it has begun. */
export interface Running {
  readonly turn: Turn;
  readonly stop: AbortController;
  generationId: string;
}

/** The turn under way; null when nothing runs. */
export const running = signal<Running | null>(null);

/** Asks a question at the end of the conversation; `plain` sends it as a text to be continued. */
export function ask(question: string, plain = false): Promise<void> {
  const turn: Turn = {
    id: crypto.randomUUID(),
    question,
    steering: steeringUse(settings.value),
    ...{ plain, answers: [], kept: 0 },
    decision: null,
    problem: null,
    resteered: false,
    timings: null,
  };
  turns.value = [...turns.value, turn];
  return run(turn);
}

/** Answers a turn again with the settings of now; later turns are dropped, as they followed from it. */
export function retry(turn: Turn, question = turn.question, plain = turn.plain): Promise<void> {
  const at = turns.value.indexOf(turn);
  turns.value = turns.value.slice(0, at < 0 ? turns.value.length : at);
  return ask(question, plain);
}

/** Stops the answers under way; what has come stays. */
export function stop(): void {
  running.value?.stop.abort();
}

async function run(turn: Turn): Promise<void> {
  stop();
  const now: Running = { turn, stop: new AbortController(), generationId: "" };
  running.value = now;
  const given = settings.value;
  const before = messagesBefore(turns.value.indexOf(turn), given.system);
  const messages = [...before, { role: "user" as const, content: turn.question }];
  const chat = generationSpec(given, model.value?.name ?? "", messages);
  const spec = turn.plain ? { ...chat, prompt: { case: "text" as const, value: turn.question } } : chat;
  const isSteered = spec.steering !== undefined;
  turn.answers =
    isSteered && given.compare
      ? [emptyAnswer("base"), emptyAnswer("steered")]
      : [emptyAnswer(isSteered ? "steered" : "base")];
  turn.kept = turn.answers.length - 1;
  notifyGrowth();
  try {
    for await (const response of gateway.generate({ spec }, { signal: now.stop.signal })) take(now, response);
    settle(turn, "done");
  } catch (error) {
    if (now.stop.signal.aborted) settle(turn, "stopped");
    else {
      turn.problem = describeProblem(error);
      settle(turn, "failed");
    }
  }
  if (running.value === now) running.value = null;
  notifyGrowth();
  keepConversation();
}

/** Takes an event of the stream into the turn. */
function take(now: Running, { event }: GenerateResponse): void {
  const { turn } = now;
  if (event.case === "started") now.generationId = event.value.generationId;
  if (event.case === "planned" && event.value.report) {
    const { gate, layerWeights, layerWeightsSource } = event.value.report;
    turn.decision = { gate, layerWeights: [...layerWeights], source: layerWeightsSource };
  }
  if (event.case === "delta") {
    const answer = turn.answers[event.value.choice];
    if (answer) grow(answer, event.value);
  }
  if (event.case === "finished") {
    const answer = turn.answers[event.value.choice];
    if (answer) {
      answer.state = "done";
      answer.changes = event.value.proof.map((proof) => ({
        layer: proof.layer,
        mean: proof.meanRelativeChange,
        max: proof.maxRelativeChange,
      }));
    }
  }
  if (event.case === "completed" && event.value.timings) {
    const { timeToFirstTokenMs, tokensPerSecond } = event.value.timings;
    turn.timings = { firstTokenMs: timeToFirstTokenMs, tokensPerSecond };
  }
  notifyGrowth();
}

function grow(answer: Answer, delta: Extract<GenerateResponse["event"], { case: "delta" }>["value"]): void {
  answer.state = "running";
  answer.text += delta.text;
  const texts = spread(delta.text, delta.tokenTexts);
  const last = answer.tokens.at(-1);
  // What comes without a token is the end of a character, or of an answer that ends within one.
  if (last && delta.tokens.length === 0) last.text += delta.text;
  for (const [index, { id, logprob, top }] of delta.tokens.entries()) {
    answer.tokens.push({
      id,
      logprob,
      text: texts[index] ?? "",
      top: top.map((one) => ({ id: one.id, logprob: one.logprob })),
    });
  }
}

function settle(turn: Turn, state: "done" | "stopped" | "failed"): void {
  for (const answer of turn.answers) {
    if (answer.state !== "done") answer.state = state;
  }
}

function emptyAnswer(role: Answer["role"]): Answer {
  return { role, tokens: [], text: "", state: "waiting", changes: [] };
}
