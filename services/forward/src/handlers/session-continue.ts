/** Fork and Generate of a session. */
import { MAX_CHILDREN } from "../../limits.ts";
import { checkCount } from "../schema/checks.ts";
import { fromFinished, toGenerate } from "../schema/generation.ts";
import type { SequenceId } from "../engine/protocol.ts";
import { add, type Answer, type CommandOf, find, forget, type Session } from "./session-state.ts";

/** Makes children of a sequence; one bad id and none is made. */
export async function fork(session: Session, { sequenceId, childIds }: CommandOf<"fork">): Promise<Answer> {
  checkCount("child_ids", childIds.length, MAX_CHILDREN);
  const sequence = find(session, sequenceId);
  const children: SequenceId[] = [];
  try {
    for (const id of childIds) children.push(add(session, id));
    const { copiedPages } = await session.engine.call({ type: "fork", sequence, children });
    return { case: "forked", value: { childIds, copiedPages } };
  } catch (error) {
    for (const [index, child] of children.entries()) forget(session, childIds[index] ?? 0n, child);
    throw error;
  }
}

/** Generates on a sequence, its tokens and activations as events on the way. */
export async function generate(
  session: Session,
  command: CommandOf<"generate">,
  id: bigint,
): Promise<Answer> {
  const { engine, events } = session;
  const { sequenceId } = command;
  const input = { ...toGenerate(command, engine.model), sequence: find(session, sequenceId) };
  const finished = await engine.call(input, (event) => events.stream(sequenceId, id, event));
  return { case: "finished", value: fromFinished(finished) };
}
