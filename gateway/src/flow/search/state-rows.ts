/**
 * Hidden states for process verifiers: the row of the last token of each step, read once and kept with the candidate.
 * The last token of a step is drawn but not yet computed: one more row is computed (and what it draws is cut off again),
 * so that the state is the one the verifier was trained on. Cost: one row a judged step, billed as a verifier's token.
 */
import { create } from "@bufbuild/protobuf";
import type { Reason } from "#kit/errors.ts";
import { type Activation, ActivationSchema, type Tap } from "#proto/trimtab/type/v1/program_pb.ts";
import { failure, type SessionCommand } from "../forward-session.ts";
import type { Branch } from "./branches.ts";
import type { EngineInput } from "./engine-world.ts";
import { sendInParts } from "./growing.ts";

/** What came of reading rows. */
export interface RowsRead {
  /** Rows computed. */
  readonly count: number;
  /** Branches whose row the engine could not compute, and why. */
  readonly failed: ReadonlyMap<Branch, Reason>;
}

/** Reads the row of the last token of each branch. @throws TrimtabError if the session failed */
export async function readRows(
  { session }: Pick<EngineInput, "session">,
  branches: readonly Branch[],
  taps: readonly Tap[],
): Promise<RowsRead> {
  const waiting = new Map(
    branches.filter(({ tokens }) => tokens.length > 0).map((one) => [one.sequenceId, one]),
  );
  for (const { activations } of waiting.values())
    activations.set(taps, [...(activations.get(taps) ?? []), []]);
  sendInParts(
    session,
    [...waiting.values()].flatMap((branch) => readCommands(branch, taps)),
  );
  const asked = waiting.size;
  const failed = new Map<Branch, Reason>();
  while (waiting.size > 0) {
    const { sequenceId, event } = await session.next();
    const branch = waiting.get(sequenceId);
    if (event.case === "failed" && sequenceId === 0n) throw failure(event.value);
    if (!branch) continue;
    if (event.case === "activation") branch.activations.get(taps)?.at(-1)?.push(event.value);
    if (event.case !== "finished" && event.case !== "failed") continue;
    waiting.delete(sequenceId);
    branch.held = branch.tokens.length;
    if (event.case === "finished") session.send(truncation(branch));
    else {
      branch.activations.get(taps)?.pop();
      failed.set(branch, failure(event.value).reason);
    }
  }
  return { count: asked - failed.size, failed };
}

/** The activations of a branch as the verifier that taps them reads them: one a tap and block, with a row a step. */
export function rowsOf({ activations }: Branch, taps: readonly Tap[]): Activation[] {
  const steps = activations.get(taps) ?? [];
  const [first = []] = steps;
  return first.map((_, place) => stack(steps.flatMap((step) => step[place] ?? [])));
}

function readCommands(branch: Branch, taps: readonly Tap[]): SessionCommand[] {
  const { arm, sequenceId } = branch;
  const program = arm.program ? { program: arm.program } : {};
  const value = { sequenceId, maxTokens: 1, ignoreModelStop: true, taps: [...taps], ...program };
  return [...(branch.held > branch.tokens.length ? [truncation(branch)] : []), { case: "generate", value }];
}

function truncation({ arm, sequenceId, tokens }: Branch): SessionCommand {
  return { case: "truncate", value: { sequenceId, tokens: arm.promptTokens + tokens.length } };
}

function stack(rows: readonly Activation[]): Activation {
  const [first] = rows;
  const values = rows.flatMap(({ values: one }) => (one ? [one] : []));
  const shape = [values.length, first?.values?.shape.at(-1) ?? 0];
  const data = new Uint8Array(Buffer.concat(values.map((one) => one.data)));
  const dataType = values[0]?.dataType;
  return create(ActivationSchema, {
    tapIndex: first?.tapIndex ?? 0,
    ...(first ? { site: first.site, layer: first.layer } : {}),
    values: { shape, data, ...(dataType === undefined ? {} : { dataType }) },
  });
}
