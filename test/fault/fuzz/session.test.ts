/**
 * Random commands on one session: sound ones with fields changed. Each is answered once, by an event or by a typed failure that names
 * one of its fields, and the end of the stream frees everything.
 */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { fromConnectError } from "#kit/errors.ts";
import {
  CommandSchema,
  type Event,
  type FailedEvent,
  SessionRequestSchema,
  type SessionRequest,
} from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { startForward } from "../../support/forward-service.ts";
import { checkField, isFieldOf } from "./field-paths.ts";
import { changedMessage } from "./messages.ts";
import { fuzz } from "./run.ts";
import { type Random, RefusedAs, type Target, tryInput } from "./target.ts";
import { soundSession } from "./sound-requests.ts";

setDefaultTimeout(10 * 60_000);
const forward = await startForward({ contextTokens: 128 });
afterAll(() => forward.service.close());

const WORDS = [forward.modelDigest, "a"];
/** A generation that parks waits for new coefficients; who sends none leaves. */
const PATIENCE_MS = 500;
/** What ends a command; activations, tokens and parkings come before. */
const ENDS = new Set(["opened", "forked", "finished", "done", "failed"]);

async function* sent(request: SessionRequest): AsyncGenerator<SessionRequest> {
  yield request;
}

/** All events of a session; `left` if the patience ended before it. */
async function eventsOf(request: SessionRequest): Promise<{ events: Event[]; left: boolean }> {
  const events: Event[] = [];
  const leaving = AbortSignal.timeout(PATIENCE_MS);
  try {
    for await (const answer of forward.client.session(sent(request), { signal: leaving })) {
      events.push(...answer.events);
    }
  } catch (error) {
    if (!leaving.aborted) throw error;
  }
  return { events, left: leaving.aborted };
}

const target: Target<SessionRequest> = {
  name: "sessions",
  cases: [300, 4_000],
  make(random: Random) {
    const sound = create(SessionRequestSchema, {
      modelDigest: forward.modelDigest,
      commands: soundSession(),
    });
    const once = changedMessage(SessionRequestSchema, sound, random, WORDS);
    const changed = random.below(2) === 0 ? once : changedMessage(SessionRequestSchema, once, random, WORDS);
    return changed as SessionRequest;
  },
  async read(request) {
    const { events, left } = await eventsOf(request).catch((thrown: unknown) => {
      if (!(thrown instanceof ConnectError)) throw thrown;
      const { reason, message, field } = fromConnectError(thrown);
      checkField(SessionRequestSchema, reason, field, message);
      throw new RefusedAs(reason, message);
    });
    const ended = events.filter(({ event }) => ENDS.has(event.case ?? ""));
    if (!left) expect(ended).toHaveLength(request.commands.length);
    const failures = ended.flatMap(({ event }) => (event.case === "failed" ? [event.value] : []));
    for (const failure of failures) checkCommandField(failure);
    const worst = failures.find(({ reason }) => reason === "INTERNAL") ?? failures[0];
    if (worst) throw new RefusedAs(worst.reason, worst.message);
  },
  isFirstCheck: () => false,
  reasons: ["FIELD_REQUIRED", "FIELD_OUT_OF_RANGE", "SEQUENCE_NOT_FOUND"],
  corpus: [],
};

/** Commands, and what each holds. */
const COMMANDS = [CommandSchema, ...CommandSchema.fields.flatMap(({ message }) => message ?? [])];

function checkCommandField({ reason, field, message }: FailedEvent): void {
  if (field === "" || COMMANDS.some((schema) => isFieldOf(schema, field))) return;
  throw new Error(`no command has the field ${field}, which ${reason} names: ${message}`);
}

test("the session that they are made from is answered in full", async () => {
  const sound = create(SessionRequestSchema, { modelDigest: forward.modelDigest, commands: soundSession() });
  expect(await tryInput(target, sound)).toMatchObject({ reason: "ok" });
});

test("A15 random commands of a session, one answer each", () => fuzz(target));

// Who leaves is heard of in the engine's own time.
test("after all this nothing is left", () => forward.emptied());
