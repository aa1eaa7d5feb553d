/** POST /v1/completions. Choices of prompt p are p x (choices of a prompt) and on. */
import type {
  Choice,
  FinalEvent,
  GenerateResponse,
  StartedEvent,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { PlanReport } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { Usage } from "#proto/trimtab/type/v1/generation_pb.ts";
import { admittedWhole } from "../admission/admitted.ts";
import type { CallScope } from "../clients.ts";
import type { GatewayContext } from "../context.ts";
import { collect } from "../flow/collect.ts";
import type { Vocabulary } from "../flow/vocabulary.ts";
import { LIMITS } from "../limits.ts";
import { planOfChoice } from "./chat.ts";
import {
  checkCompletion,
  choicesOf,
  completionEvents,
  promptsOf,
  tokensOfCompletion,
} from "./completion-events.ts";
import { answerExtras, choiceExtras, finishReasonOf, usageOf } from "./extras.ts";
import { headerOf, type StreamOptions, vocabularyOf } from "./frame.ts";
import { type ChoiceLogprobs, createChoiceLogprobs, joinedLogprobs } from "./logprobs.ts";
import { merged } from "./merge.ts";
import { searchJson } from "./scaling.ts";
import type { CompletionBody } from "./schema.ts";
import { completionSpec } from "./to-spec.ts";
import { createTurns } from "./turns.ts";

/** An event and the prompt it belongs to. */
interface PromptEvent {
  readonly prompt: number;
  readonly response: GenerateResponse;
}

/** The whole answer. */
export async function completionAnswer(
  gateway: GatewayContext,
  body: CompletionBody,
  scope: CallScope,
): Promise<object> {
  const split = promptsOf(body).map((): GenerateResponse[] => []);
  for await (const { prompt, response } of promptEvents(gateway, body, scope)) split[prompt]?.push(response);
  const answers = await Promise.all(split.map((responses) => collect(inOrder(responses))));
  const started = answers[0]?.started;
  const vocabulary = body.logprobs === undefined ? undefined : await vocabularyOf(gateway, started, scope);
  const choices = answers.flatMap((answer, prompt) =>
    answer.choices.map((choice) => ({
      index: firstChoice(body, prompt) + choice.index,
      text: choice.text,
      logprobs: vocabulary ? logprobsOf(body, split[prompt] ?? [], choice.index, vocabulary) : null,
      finish_reason: finishReasonOf(choice.finished?.reason),
      trimtab: extrasOf(body, answer, choice, answer.search),
    })),
  );
  return {
    ...headerOf("text_completion", started),
    choices,
    usage: usageOf(answers.map((answer) => answer.usage)),
    trimtab: answerExtras(started, answers[0]?.timings, hasOneSeed(body)),
  };
}

/** The answer as chunks. */
export async function* completionChunks(
  gateway: GatewayContext,
  body: CompletionBody,
  scope: CallScope,
  options: StreamOptions,
): AsyncGenerator<object, void> {
  const asked = completionSpec(body, undefined);
  const prompts = promptsOf(body).map(() => ({
    turns: createTurns(asked),
    started: undefined as StartedEvent | undefined,
    plan: undefined as PlanReport | undefined,
    logprobs: new Map<number, ChoiceLogprobs>(),
  }));
  const usages: (Usage | undefined)[] = [];
  let started: StartedEvent | undefined;
  let header: object = {};
  let vocabulary: Vocabulary | undefined;
  const chunk = (choices: object[], more: object = {}): object => ({
    ...header,
    choices,
    ...(options.includeUsage ? { usage: null } : {}),
    ...more,
  });
  for await (const { prompt, response } of promptEvents(gateway, body, scope)) {
    const { event } = response;
    const state = prompts[prompt];
    if (!state) continue;
    const first = firstChoice(body, prompt);
    if (event.case === "started") state.started = event.value;
    if (event.case === "started" && !started) {
      started = event.value;
      header = headerOf("text_completion", started);
      if (body.logprobs !== undefined) vocabulary = await vocabularyOf(gateway, started, scope);
    }
    if (event.case === "planned") state.plan = event.value.report;
    if (event.case === "delta") {
      const { choice, text } = event.value;
      const own =
        vocabulary && (state.logprobs.get(choice) ?? createChoiceLogprobs(vocabulary, body.echo === true));
      if (own) state.logprobs.set(choice, own);
      const logprobs = own?.next(event.value) ?? null;
      yield chunk([{ index: first + choice, text, logprobs, finish_reason: null }]);
    }
    if (event.case === "search") {
      const trimtab = { search: searchJson(event.value) };
      yield chunk([{ index: first, text: "", logprobs: null, finish_reason: null, trimtab }]);
    }
    for (const { finished, verdicts } of state.turns.take(response)) {
      const trimtab = extrasOf(body, state, {
        index: finished.choice,
        finished,
        verdicts: [...verdicts],
      });
      const finish_reason = finishReasonOf(finished.reason);
      yield chunk([{ index: first + finished.choice, text: "", logprobs: null, finish_reason, trimtab }]);
    }
    if (event.case === "completed") usages.push(event.value.usage);
  }
  const trimtab = answerExtras(started, undefined, hasOneSeed(body));
  if (options.includeUsage) yield chunk([], { usage: usageOf(usages), trimtab });
}

async function* promptEvents(
  gateway: GatewayContext,
  body: CompletionBody,
  scope: CallScope,
): AsyncGenerator<PromptEvent, void> {
  checkCompletion(body);
  const left = new AbortController();
  const inner = { ...scope, signal: AbortSignal.any([scope.signal, left.signal]) };
  const echoed = { logprobs: 0 };
  const sourcesOf = (within: CallScope) =>
    promptsOf(body).map(
      (prompt, index) =>
        async function* (): AsyncGenerator<PromptEvent, void> {
          for await (const response of completionEvents(gateway, body, prompt, within, echoed)) {
            yield { prompt: index, response };
          }
        },
    );
  yield* admittedWhole(
    gateway,
    inner,
    () => tokensOfCompletion(body),
    (within) => merged(sourcesOf(within), LIMITS.concurrentPrompts, () => left.abort()),
  );
}

async function* inOrder(responses: readonly GenerateResponse[]): AsyncGenerator<GenerateResponse, void> {
  yield* responses;
}

/** Log-probabilities of one choice of an answer. */
function logprobsOf(
  body: CompletionBody,
  responses: readonly GenerateResponse[],
  choice: number,
  vocabulary: Vocabulary,
): object {
  const own = createChoiceLogprobs(vocabulary, body.echo === true);
  const pieces = responses.flatMap(({ event }) =>
    event.case === "delta" && event.value.choice === choice ? [event.value] : [],
  );
  return joinedLogprobs(pieces.map((piece) => own.next(piece)));
}

function firstChoice(body: CompletionBody, prompt: number): number {
  return prompt * choicesOf(body);
}

/** Several prompts that are given no seed draw one each: it is told of their choices. */
const hasOneSeed = (body: CompletionBody): boolean => body.seed !== undefined || promptsOf(body).length === 1;

/** What is known of the prompt that a choice answers. */
interface Answered {
  readonly started?: StartedEvent | undefined;
  readonly plan?: PlanReport | undefined;
}

function extrasOf(
  body: CompletionBody,
  { started, plan }: Answered,
  { index, finished, verdicts }: Pick<Choice, "index" | "finished" | "verdicts">,
  search?: FinalEvent,
): object {
  const shown = planOfChoice(plan, index, body.steering?.compare === true);
  const seed = hasOneSeed(body) ? {} : { seed: Number(started?.seed ?? 0) };
  return { ...seed, ...choiceExtras(shown, finished, verdicts, search) };
}
