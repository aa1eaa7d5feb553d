/** Commands of a session: each is carried out by the engine and answered by its events. */
import type { Command } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { MAX_COMMANDS } from "../../limits.ts";
import type { Engine } from "../engine/client.ts";
import type { Caller } from "../engine/protocol.ts";
import { checkCount } from "../schema/checks.ts";
import { accept } from "./session-accept.ts";
import type { SessionEvents } from "./session-events.ts";
import { sendOpens } from "./session-opens.ts";
import type { Session } from "./session-state.ts";

/** The incoming half of a session. */
export interface SessionCommands {
  /** Carries out a batch; a bad command fails alone. @throws TrimtabError TOO_LARGE for the batch */
  accept(commands: readonly Command[]): void;
  /** Resolves when every command is answered. */
  settled(): Promise<void>;
  /** Frees every sequence of the session, which takes no more commands. */
  release(): void;
}

/** The commands of one session on one engine. */
export function createSessionCommands(
  engine: Engine,
  caller: Caller,
  events: SessionEvents,
): SessionCommands {
  const session: Session = { engine, caller, events, sequences: new Map(), running: new Set(), opens: [] };
  let isReleased = false;
  return {
    accept(commands) {
      // A message that was on its way when the session ended: what it opened nobody would release.
      if (isReleased) return;
      checkCount("commands", commands.length, MAX_COMMANDS);
      for (const command of commands) {
        try {
          accept(session, command);
        } catch (error) {
          events.failed(sequenceOf(command), command.commandId, error);
        }
      }
      sendOpens(session);
    },
    async settled() {
      while (session.running.size > 0) await Promise.all(session.running);
    },
    release() {
      isReleased = true;
      const left = [...session.sequences.values()];
      session.sequences.clear();
      if (left.length > 0) engine.call({ type: "release", sequences: left }).catch(() => undefined);
    },
  };
}

function sequenceOf({ command: { value } }: Command): bigint {
  return value && "sequenceId" in value ? value.sequenceId : 0n;
}
