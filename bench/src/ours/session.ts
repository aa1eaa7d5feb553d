/** One session stream of a forward service, kept open: commands go out, the events that answer them come back. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { cancelSafe, createPushable } from "#kit/streams.ts";
import {
  SessionRequestSchema,
  type Event,
  type ForwardService,
  type SessionRequest,
} from "#proto/trimtab/forward/v1/forward_service_pb.ts";

/** A command as it is written down. */
export type CommandInit = NonNullable<MessageInitShape<typeof SessionRequestSchema>["commands"]>[number];

/** An open session. One `run` at a time. */
export interface BenchSession {
  /**
   * Sends commands and hands their events to `take` until it answers something.
   * @throws Error with the message of a failed event, or when the stream ends.
   */
  run<T>(commands: readonly CommandInit[], take: (event: Event) => T | undefined): Promise<T>;
  close(): void;
}

interface Run {
  readonly take: (event: Event) => boolean;
  readonly fail: (error: unknown) => void;
}

/** Opens a session on the model with this digest. */
export function openSession(client: Client<typeof ForwardService>, modelDigest: string): BenchSession {
  const requests = createPushable<SessionRequest>();
  const controller = new AbortController();
  let current: Run | undefined;
  const listen = async (): Promise<void> => {
    const responses = cancelSafe((signal) => client.session(requests, { signal }), controller.signal);
    for await (const { events } of responses) {
      for (const event of events) {
        if (event.event.case === "failed") current?.fail(new Error(event.event.value.message));
        else if (current?.take(event)) current = undefined;
      }
    }
  };
  void listen().then(
    () => current?.fail(new Error("the session ended early")),
    (error: unknown) => current?.fail(error),
  );
  return {
    run<T>(commands: readonly CommandInit[], take: (event: Event) => T | undefined) {
      const answer = Promise.withResolvers<T>();
      current = {
        take(event) {
          const value = take(event);
          if (value !== undefined) answer.resolve(value);
          return value !== undefined;
        },
        fail: answer.reject,
      };
      requests.push(create(SessionRequestSchema, { modelDigest, commands: [...commands] }));
      return answer.promise;
    },
    close() {
      requests.end();
      controller.abort();
    },
  };
}
