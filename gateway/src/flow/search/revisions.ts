/**
 * Prompts that show earlier attempts: the request's conversation, each attempt as an answer, and after it the request for a
 * better one. They run under the program that was decided for the request. Cost: a prefill; pages in common are shared.
 */
import { create } from "@bufbuild/protobuf";
import { ConversationSchema } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { SessionCommand } from "../forward-session.ts";
import { openSequence } from "../opening.ts";
import { encodePrompt, type Prompt } from "../prompt.ts";
import { isReasonOf } from "../reasons.ts";
import type { Arm } from "./branches.ts";
import type { EngineInput } from "./engine-world.ts";
import { sendInParts } from "./growing.ts";

/** Opens such a prompt; undefined if it leaves the context no room. `pending` are commands that must reach forward first. */
export async function openRevision(
  { flow, prepared, session, scope, usage, watch }: EngineInput,
  sequenceId: bigint,
  like: Arm,
  attempts: readonly string[],
  request: string,
  pending: readonly SessionCommand[],
): Promise<Arm | undefined> {
  const { prompt } = prepared.spec;
  if (prompt.case !== "conversation") throw new RangeError("a revision of what is no conversation");
  const shown = attempts.flatMap((content) => [
    { role: "assistant", content },
    { role: "user", content: request },
  ]);
  const value = create(ConversationSchema, { messages: [...prompt.value.messages, ...shown] });
  sendInParts(session, pending);
  const ids = await encodeIfFits(() =>
    encodePrompt(flow.clients, prepared.model, { case: "conversation", value }, scope),
  );
  if (ids === undefined) return undefined;
  const program = like.isPromptSteered && like.program ? { program: like.program } : {};
  await openSequence(session, { sequenceId, ids, taps: [], ...program }, usage, watch);
  return { ...like, sequenceId, promptTokens: ids.length };
}

/** The ids; undefined if they leave the context no room. */
async function encodeIfFits(encode: () => Promise<Prompt>): Promise<readonly number[] | undefined> {
  try {
    return (await encode()).ids;
  } catch (error) {
    if (isReasonOf(error, "CONTEXT_OVERFLOW")) return undefined;
    throw error;
  }
}
