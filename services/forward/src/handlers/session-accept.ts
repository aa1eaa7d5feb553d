/** One command of a session: given to the engine in order, answered later. */
import { TrimtabError } from "#kit/errors.ts";
import type { Command } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { fork, generate } from "./session-continue.ts";
import { queueOpen, sendOpens } from "./session-opens.ts";
import { answer, type Answer, find, type Session } from "./session-state.ts";

/** Carries out a command, after the opens before it. @throws TrimtabError for a refused one */
export function accept(session: Session, { commandId, command }: Command): void {
  const { engine } = session;
  if (command.case !== "open") sendOpens(session);
  switch (command.case) {
    case "open":
      return queueOpen(session, command.value, commandId);
    case "fork":
      return answer(session, command.value.sequenceId, commandId, fork(session, command.value));
    case "generate":
      return answer(
        session,
        command.value.sequenceId,
        commandId,
        generate(session, command.value, commandId),
      );
    case "setCoefficients": {
      const { sequenceId, coefficients } = command.value;
      const sequence = find(session, sequenceId);
      const done = engine.call({ type: "coefficients", sequence, coefficients });
      return answer(session, sequenceId, commandId, whenDone(done));
    }
    case "truncate": {
      const { sequenceId, tokens } = command.value;
      const done = engine.call({ type: "truncate", sequence: find(session, sequenceId), tokens });
      return answer(session, sequenceId, commandId, whenDone(done));
    }
    case "release":
    case "stop": {
      const sequences = command.value.sequenceIds.map((id) => find(session, id));
      if (command.case === "release")
        for (const id of command.value.sequenceIds) session.sequences.delete(id);
      return answer(session, 0n, commandId, whenDone(engine.call({ type: command.case, sequences })));
    }
    default:
      throw new TrimtabError("FIELD_REQUIRED", "a command is missing", { field: "command" });
  }
}

async function whenDone(result: Promise<unknown>): Promise<Answer> {
  await result;
  return { case: "done", value: {} };
}
