/** Fork and Generate of a session. */
import { MAX_CHILDREN } from "../../limits.ts";
import { checkCount } from "../schema/checks.ts";
import { fromFinished, toGenerate } from "../schema/generation.ts";
import { add, type Answer, type CommandOf, find, type Session } from "./session-state.ts";

/** Makes children of a sequence; one bad id and none is made. */
export async function fork(session: Session, { sequenceId, childIds }: CommandOf<"fork">): Promise<Answer> {
  checkCount("child_ids", childIds.length, MAX_CHILDREN);
  const sequence = find(session, sequenceId);
  const added: bigint[] = [];
  try {
    const children = childIds.map((id) => {
      const child = add(session, id);
      added.push(id);
      return child;
    });
    const { copiedPages } = await session.engine.call({ type: "fork", sequence, children });
    return { case: "forked", value: { childIds, copiedPages } };
  } catch (error) {
    for (const id of added) session.sequences.delete(id);
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
