/**
 * One prompt continued in several ways. Every child starts with its own text and is planned on prompt plus text; all of
 * them run on one session, so that forward computes once what the prompts have in common (`reused_tokens`).
 */
import { clone, create } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import {
  type ForkRequest,
  type ForkResponse,
  ForkResponseSchema,
  type GenerateResponse,
  type GenerationSpec,
  GenerationSpecSchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { CallScope } from "../clients.ts";
import { LIMITS } from "../limits.ts";
import { checkCount, checkRequired, checkText } from "./checks.ts";
import { collect } from "./collect.ts";
import { openSession } from "./forward-session.ts";
import type { FlowContext } from "./prepare.ts";
import { findStrategy } from "../strategies/registry.ts";
import { createSharedSession, type SessionOpener } from "./shared-session.ts";
import { totalUsage } from "./usage.ts";
import { validateSpec } from "./validate.ts";

/** Generates one child: what begins with a text, on a session that all of them share. */
export type GenerateChild = (
  spec: GenerationSpec,
  scope: CallScope,
  begun: { readonly text: string; readonly open: SessionOpener },
) => AsyncIterable<GenerateResponse>;

/** Answers with one choice a continuation, in order. One fails, all fail. */
export async function forkAnswers(
  flow: FlowContext,
  request: ForkRequest,
  scope: CallScope,
  child: GenerateChild,
): Promise<ForkResponse> {
  const { continuations } = request;
  checkRequired("continuations", continuations.length > 0, "there is no continuation");
  checkCount("continuations", continuations.length, LIMITS.batch);
  continuations.forEach((text, index) => checkText(`continuations[${index}]`, text));
  const spec = clone(GenerationSpecSchema, validateSpec(request.spec));
  // Not even before nothing: children share a session, and what a search holds of it is its own.
  if (findStrategy(spec.scaling?.strategy ?? ""))
    throw new TrimtabError("UNSUPPORTED", "a search begins no answer that is given", { field: "scaling" });
  spec.choices = 1;
  if (spec.steering) spec.steering.compare = false;
  const failed = new AbortController();
  const signal = AbortSignal.any([scope.signal, failed.signal]);
  const within = { ...scope, signal };
  const open = createSharedSession(continuations.length, (digest) => openSession(flow, digest, within));
  try {
    const answers = await Promise.all(
      continuations.map((text) => collect(child(spec, within, { text, open }))),
    );
    const choices = answers.flatMap((answer, index) =>
      answer.choices.map((choice) => ({ ...choice, index })),
    );
    return create(ForkResponseSchema, { choices, usage: totalUsage(answers.map(({ usage }) => usage)) });
  } finally {
    failed.abort();
  }
}
