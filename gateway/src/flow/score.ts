/** Log-probabilities of given answers, teacher-forced: after a conversation, or of plain texts. */
import { create } from "@bufbuild/protobuf";
import { TrimtabError, underField } from "#kit/errors.ts";
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import {
  type GenerationSpec,
  type ScoreRequest,
  type ScoreResponse,
  ScoreResponseSchema,
  TokenIdsSchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { CallScope } from "../clients.ts";
import { LIMITS } from "../limits.ts";
import { checkCount, checkRange, checkRequired, checkText } from "./checks.ts";
import { scoreItems } from "./forward-calls.ts";
import { resolveModel } from "./model.ts";
import type { FlowContext } from "./prepare.ts";
import { checkVocabulary, type Continuation, encodePrompt } from "./prompt.ts";
import { steeredBinding } from "./steered-binding.ts";
import { validateConversation } from "./validate.ts";

interface Item {
  readonly ids: readonly number[];
  /** First token of the answer. */
  readonly first: number;
}

/** Scores every answer; tokens of the answer only. */
export async function scoreAnswers(
  flow: FlowContext,
  request: ScoreRequest,
  scope: CallScope,
): Promise<ScoreResponse> {
  validate(request);
  const model = await resolveModel(flow.clients, request.model, scope);
  const items: Item[] = [];
  const isIds = request.answerIds.length > 0;
  const answers: readonly Continuation[] = isIds ? request.answerIds.map(({ ids }) => ids) : request.answers;
  for (const [index, answer] of answers.entries()) {
    const field = isIds ? `answer_ids[${index}]` : `answers[${index}]`;
    if (typeof answer !== "string") checkVocabulary(answer, model, `${field}.ids`);
    items.push(await itemOf(flow, model, request, { field, answer }, scope));
  }
  // With steering, the prompt (what comes before the answer) is the same for all answers: one plan serves them.
  const promptIds = items[0]?.ids.slice(0, items[0].first) ?? [];
  const program = await steeredBinding(flow, model, request.steering, promptIds, scope);
  const what = {
    modelDigest: model.digest,
    items: items.map(({ ids, first }) => ({ ids: [...ids], first })),
    topLogprobs: request.topLogprobs,
    ...(program ? { program } : {}),
  };
  const scored = await scoreItems(flow.clients, what, scope);
  return create(ScoreResponseSchema, {
    answers: scored.items,
    ...(scored.usage ? { usage: scored.usage } : {}),
  });
}

function validate(request: ScoreRequest): void {
  const { answers, answerIds } = request;
  checkRequired("answers", answers.length + answerIds.length > 0, "there is no answer to score");
  if (answers.length > 0 && answerIds.length > 0) {
    throw new TrimtabError("INVALID_ARGUMENT", "give the answers as texts or as ids, not both", {
      field: "answer_ids",
    });
  }
  checkCount("answers", answers.length, LIMITS.batch);
  checkCount("answer_ids", answerIds.length, LIMITS.batch);
  answers.forEach((answer, index) => checkText(`answers[${index}]`, answer));
  checkRange("top_logprobs", request.topLogprobs, { min: 0, max: LIMITS.topLogprobs });
  const messages = request.conversation?.messages ?? [];
  if (request.conversation && messages.length > 0) validateConversation(request.conversation);
  if (request.steering && messages.length === 0) {
    throw new TrimtabError("INVALID_ARGUMENT", "steering decides on a prompt: give a conversation", {
      field: "conversation",
    });
  }
}

async function itemOf(
  flow: FlowContext,
  model: Model,
  { conversation }: ScoreRequest,
  { field, answer }: { field: string; answer: Continuation },
  scope: CallScope,
): Promise<Item> {
  const chat = conversation !== undefined && conversation.messages.length > 0;
  const prompt = chat ? ({ case: "conversation", value: conversation } as const) : plainPrompt(answer);
  const { ids, continuationTokens } = await underField(/^(prompt|ids)$/, chat ? "conversation" : field, () =>
    encodePrompt(flow.clients, model, prompt, scope, chat ? answer : ""),
  );
  const first = chat ? ids.length - continuationTokens : 1;
  if (first >= ids.length) {
    throw new TrimtabError("INVALID_ARGUMENT", "this answer has no token to score", {
      field,
    });
  }
  return { ids, first };
}

/** An answer without a conversation is the whole text. */
function plainPrompt(answer: Continuation): GenerationSpec["prompt"] {
  if (typeof answer === "string") return { case: "text", value: answer };
  return { case: "ids", value: create(TokenIdsSchema, { ids: [...answer] }) };
}
