/**
 * Forks that forward refuses, as it does when no more sequences can be open: the children fail with its reason instead of as
 * sequences that nobody knows, and the parent, in whose name the refusal comes, goes on.
 */
import type { TrimtabError } from "#kit/errors.ts";
import { failure, type ForwardSession } from "../forward-session.ts";

/** A session that keeps refusals of forks to itself. */
export interface ForkingSession extends ForwardSession {
  /** Why there is no such sequence; undefined unless its fork was refused. */
  refusalOf(sequenceId: bigint): TrimtabError | undefined;
}

/** Wraps a session; everything else passes through. */
export function keepRefusedForks(session: ForwardSession): ForkingSession {
  const asked = new Map<bigint, readonly bigint[]>();
  const refused = new Map<bigint, TrimtabError>();
  return {
    ...session,
    send(...commands) {
      const ids = session.send(...commands);
      for (const [index, command] of commands.entries()) {
        const id = ids[index];
        if (command?.case !== "fork" || id === undefined) continue;
        const { childIds = [] } = command.value as { readonly childIds?: readonly bigint[] };
        asked.set(id, childIds);
      }
      return ids;
    },
    async next() {
      for (;;) {
        const message = await session.next();
        const children = asked.get(message.commandId);
        asked.delete(message.commandId);
        if (children === undefined || message.event.case !== "failed") return message;
        for (const child of children) refused.set(child, failure(message.event.value));
      }
    },
    refusalOf: (sequenceId) => refused.get(sequenceId),
  };
}
