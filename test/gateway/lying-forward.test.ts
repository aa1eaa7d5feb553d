/** A forward whose events contradict each other: the client sees one consistent answer, or a typed end, and nothing is left (row X28). */
import { clone } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import { type Event, EventSchema } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { chat, until } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";
import { VOCABULARY_SIZE } from "./support/simulated-tokenizer.ts";

const TEXT = "Sure, I help.";
const GONE = "SERVICE_UNAVAILABLE";
type Lie = (event: Event) => readonly Event[];

/** The event, changed. */
function changed(event: Event, change: (copy: Event) => void): Event {
  const copy = clone(EventSchema, event);
  change(copy);
  return copy;
}
const onToken =
  (change: (token: { id: number; logprob: number }) => void): Lie =>
  (event) =>
    event.event.case === "tokens"
      ? [changed(event, (copy) => copy.event.case === "tokens" && change(copy.event.value.tokens[0]!))]
      : [event];
const onFinish =
  (lie: Lie): Lie =>
  (event) =>
    event.event.case === "finished" ? lie(event) : [event];
const counted = (difference: number): Lie =>
  onFinish((event) => [
    changed(event, ({ event: end }) => end.case === "finished" && (end.value.generatedTokens += difference)),
  ]);

async function outcome(lies: Lie): Promise<string> {
  const stack = createSimulatedStack();
  stack.forward.lies = lies;
  const said = await stack.client.complete(chat("hello")).then(
    ({ choices }) => choices.map(({ text }) => text).join("|"),
    (error: unknown) => fromConnectError(error).reason,
  );
  await until(() => stack.forward.alive.size === 0 && stack.gateway.running() === 0);
  return said;
}

test.each<[string, Lie, string]>([
  ["logits that are NaN", onToken((token) => (token.logprob = Number.NaN)), GONE],
  ["a token that is in no vocabulary", onToken((token) => (token.id = VOCABULARY_SIZE)), GONE],
  ["fewer tokens than were sent", counted(-3), GONE],
  ["more tokens than were sent", counted(5), GONE],
  ["an end that comes twice", onFinish((event) => [event, event]), TEXT],
  [
    "tokens of a sequence nobody opened",
    (event) => [changed(event, (copy) => (copy.sequenceId = 77n)), event],
    TEXT,
  ],
  ["a failure of another version", onFinish(() => [failed("NOT_A_REASON")]), GONE],
])("X28 a forward that tells of %s", async (_name, lies, expected) => {
  expect(await outcome(lies)).toBe(expected);
});

const failed = (reason: string): Event =>
  changed(
    { $typeName: "trimtab.forward.v1.Event", sequenceId: 0n, commandId: 0n, event: { case: undefined } },
    (copy) => {
      copy.event = {
        case: "failed",
        value: { $typeName: "trimtab.forward.v1.FailedEvent", reason, message: "x", field: "", limit: "" },
      };
    },
  );
