/** POST /v1/chat/completions. */
import type {
  Choice,
  DeltaEvent,
  GenerateResponse,
  StartedEvent,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { PlanReport } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { called } from "../called.ts";
import type { CallScope } from "../clients.ts";
import type { GatewayContext } from "../context.ts";
import { collect } from "../flow/collect.ts";
import type { Vocabulary } from "../flow/vocabulary.ts";
import { answerExtras, choiceExtras, finishReasonOf, usageOf } from "./extras.ts";
import { headerOf, type StreamOptions, vocabularyOf } from "./frame.ts";
import { chatLogprobs } from "./logprobs.ts";
import { searchJson } from "./scaling.ts";
import type { ChatBody } from "./schema.ts";
import { chatSpec } from "./to-spec.ts";
import { toolCallsJson } from "./tools.ts";
import { createTurns } from "./turns.ts";

/** The whole answer. */
export async function chatAnswer(gateway: GatewayContext, body: ChatBody, scope: CallScope): Promise<object> {
  const spec = chatSpec(body);
  const answer = await collect(called(gateway, spec, scope));
  const vocabulary = spec.logprobs ? await vocabularyOf(gateway, answer.started, scope) : undefined;
  const compare = spec.steering?.compare === true;
  const choiceOf = (choice: Choice): object => ({
    index: choice.index,
    message: messageOf(choice),
    logprobs: vocabulary ? chatLogprobs(choice.tokens, vocabulary) : null,
    finish_reason: finishReasonOf(choice.finished?.reason),
    trimtab: choiceExtras(
      planOfChoice(answer.plan, choice.index, compare),
      choice.finished,
      choice.verdicts,
      answer.search,
    ),
  });
  return {
    ...headerOf("chat.completion", answer.started),
    choices: answer.choices.map(choiceOf),
    usage: usageOf([answer.usage]),
    trimtab: answerExtras(answer.started, answer.timings),
  };
}

/** The answer as chunks. */
export async function* chatChunks(
  gateway: GatewayContext,
  body: ChatBody,
  scope: CallScope,
  options: StreamOptions,
): AsyncGenerator<object, void> {
  const spec = chatSpec(body);
  const compare = spec.steering?.compare === true;
  const turns = createTurns(spec);
  let started: StartedEvent | undefined;
  let header: object = {};
  let vocabulary: Vocabulary | undefined;
  let plan: PlanReport | undefined;
  const chunk = (choices: object[], more: object = {}): object => ({
    ...header,
    choices,
    ...(options.includeUsage ? { usage: null } : {}),
    ...more,
  });
  /** Choices that have begun, and how many calls each has made. */
  const opened = new Map<number, number>();
  const deltaOf = ({ choice: index, tokens, text, toolCalls }: DeltaEvent): object => {
    const logprobs = vocabulary ? chatLogprobs(tokens, vocabulary) : null;
    const made = opened.get(index) ?? 0;
    opened.set(index, made + toolCalls.length);
    const calls = toolCallsJson(toolCalls).map((call, nth) => ({ index: made + nth, ...call }));
    const delta = {
      ...(text === "" && calls.length > 0 ? {} : { content: text }),
      ...(calls.length > 0 && { tool_calls: calls }),
    };
    return chunk([{ index, delta, logprobs, finish_reason: null }]);
  };
  const send = ({ event }: GenerateResponse): boolean =>
    event.case === "delta" && opened.has(event.value.choice) && options.push(deltaOf(event.value));
  for await (const response of called(gateway, spec, { ...scope, send })) {
    const { event } = response;
    if (event.case === "started") {
      started = event.value;
      header = headerOf("chat.completion.chunk", started);
      if (spec.logprobs) vocabulary = await vocabularyOf(gateway, started, scope);
    }
    if (event.case === "planned") plan = event.value.report;
    const index = choiceOfEvent(response);
    if (index !== undefined && !opened.has(index)) {
      const first = opened.size === 0 ? { trimtab: answerExtras(started) } : {};
      opened.set(index, 0);
      const extras = choiceExtras(planOfChoice(plan, index, compare));
      const delta = { role: "assistant", content: "", refusal: null };
      yield chunk([{ index, delta, logprobs: null, finish_reason: null, trimtab: extras }], first);
    }
    if (event.case === "delta") yield deltaOf(event.value);
    if (event.case === "search") {
      const trimtab = { search: searchJson(event.value) };
      yield chunk([{ index: 0, delta: {}, logprobs: null, finish_reason: null, trimtab }]);
    }
    for (const { finished, verdicts } of turns.take(response)) {
      const finish_reason = finishReasonOf(finished.reason);
      const extras = choiceExtras(planOfChoice(plan, finished.choice, compare), finished, verdicts);
      yield chunk([{ index: finished.choice, delta: {}, logprobs: null, finish_reason, trimtab: extras }]);
    }
    if (event.case === "completed" && options.includeUsage) {
      const { usage, timings } = event.value;
      yield chunk([], { usage: usageOf([usage]), trimtab: answerExtras(started, timings) });
    }
  }
}

/** What a choice says; beside calls, blanks are nothing said. */
function messageOf({ text, toolCalls }: Choice): object {
  const said = { role: "assistant", content: text, refusal: null };
  if (toolCalls.length === 0) return said;
  return { ...said, content: text.trim() === "" ? null : text, tool_calls: toolCallsJson(toolCalls) };
}

/** What steering decided is said of steered choices only. */
export function planOfChoice(
  plan: PlanReport | undefined,
  index: number,
  compare: boolean,
): PlanReport | undefined {
  return compare && index % 2 === 0 ? undefined : plan;
}

/** The choice an event speaks of. */
export function choiceOfEvent({ event }: GenerateResponse): number | undefined {
  return event.case === "delta" || event.case === "finished" ? event.value.choice : undefined;
}
