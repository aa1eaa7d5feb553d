/** A program for a call that takes one instead of a session (Score, Capture): the prompt is opened only to decide. */
import { TrimtabError, underField } from "#kit/errors.ts";
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { SteeringUse } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { Activation, ProgramBinding, Tap } from "#proto/trimtab/type/v1/program_pb.ts";
import type { CallScope } from "../clients.ts";
import { captureItems } from "./forward-calls.ts";
import { type FlowContext, prepareSteering } from "./prepare.ts";
import { planSteering } from "./steering-plan.ts";
import { REPLY_MODE, validateUse } from "./validate.ts";

/** The program for a prompt; undefined if no steering was asked for or steering leaves the prompt alone. */
export async function steeredBinding(
  flow: FlowContext,
  model: Model,
  use: SteeringUse | undefined,
  promptIds: readonly number[],
  scope: CallScope,
): Promise<ProgramBinding | undefined> {
  if (!use) return undefined;
  if (use.mode === REPLY_MODE) {
    const message = "a reply is generated; it changes nothing that is read or scored";
    throw new TrimtabError("UNSUPPORTED", message, { field: "steering.mode" });
  }
  const steering = await inSteering(() => prepareSteering(flow, model, validateUse(use), scope));
  if (!steering) return undefined;
  const { taps } = steering.needs;
  const activations = taps.length === 0 ? [] : await readTaps(flow, model, promptIds, taps, scope);
  const { program } = await inSteering(() => planSteering(flow, model, steering.use, activations, scope));
  if (program) await flow.programs.ensure(program, scope);
  return program;
}

/** These calls have no `use`: their `steering` is one. */
function inSteering<T>(work: () => Promise<T>): Promise<T> {
  return underField(/^steering\.use/, "steering", work);
}

async function readTaps(
  flow: FlowContext,
  model: Model,
  ids: readonly number[],
  taps: readonly Tap[],
  scope: CallScope,
): Promise<Activation[]> {
  const what = { modelDigest: model.digest, items: [{ ids: [...ids] }], taps: [...taps] };
  const read: Activation[] = [];
  for await (const { activations } of captureItems(flow.clients, what, scope)) read.push(...activations);
  return read;
}
