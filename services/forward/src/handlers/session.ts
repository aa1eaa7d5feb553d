/**
 * Session: one stream of commands and events for all sequences of a request or a search. Commands of one message take
 * effect together; opens of one message share what they begin with. The end of the stream, however it comes, releases
 * everything: the signal is listened to, because a generator parked on a slow reader never runs its `finally`.
 */
import type { ServiceImpl } from "@connectrpc/connect";
import { TrimtabError } from "#kit/errors.ts";
import type { ForwardService, SessionRequest } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { toCaller } from "./caller.ts";
import type { Registry } from "../registry.ts";
import type { SessionCommands } from "./session-commands.ts";
import { createSessionCommands } from "./session-commands.ts";
import type { SessionEvents } from "./session-events.ts";
import { createSessionEvents } from "./session-events.ts";

/** The Session handler. */
export function createSessionHandler(
  registry: Registry,
): Pick<ServiceImpl<typeof ForwardService>, "session"> {
  return {
    async *session(requests, context) {
      const events = createSessionEvents();
      let release = (): void => {};
      let over = false;
      const end = (): void => {
        over = true;
        release();
        events.end();
      };
      context.signal.addEventListener("abort", end);
      void read(requests, registry, events, context.timeoutMs(), (commands) => {
        release = commands.release;
        if (over) release();
      });
      try {
        yield* events.messages();
      } finally {
        end();
      }
    },
  };
}

/** Carries out messages until the client has no more, then ends the answers when the last command is answered. */
async function read(
  requests: AsyncIterable<SessionRequest>,
  registry: Registry,
  events: SessionEvents,
  leftMs: number | undefined,
  onStart: (commands: SessionCommands) => void,
): Promise<void> {
  let commands: SessionCommands | undefined;
  let digest = "";
  try {
    for await (const request of requests) {
      if (!commands) {
        digest = request.modelDigest;
        const caller = toCaller(request.caller, leftMs);
        commands = createSessionCommands(registry.engine(digest), caller, events);
        onStart(commands);
      } else if (request.modelDigest !== "" && request.modelDigest !== digest) {
        const message = "a session stays with its model";
        throw new TrimtabError("MODEL_MISMATCH", message, { field: "model_digest" });
      }
      commands.accept(request.commands);
    }
    await commands?.settled();
    events.end();
  } catch (error) {
    events.fail(error);
  }
}
