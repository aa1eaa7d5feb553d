/**
 * One answer at the terminal: text as it comes, the gate and the strength in a line below it, and keys that change the strength
 * of the running answer or stop it. Without a terminal it is text alone.
 */
import { type JsonValue, toJson } from "@bufbuild/protobuf";
import { failureText } from "#kit/failure.ts";
import { cancelSafe } from "#kit/streams.ts";
import {
  ChoiceFinishedEventSchema,
  CompletedEventSchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { type ChatQuestion, chatSpec } from "../chat-spec.ts";
import type { GatewayClient } from "../demo/answer.ts";
import { gauge } from "../view/gauges.ts";
import { listenToKeys } from "../view/keys.ts";
import { createStatusLine } from "../view/status-line.ts";
import { colour, printable } from "../view/style.ts";
import { asOptions, asSteer, moved, type Strength, type StrengthKey, textOf } from "./strength.ts";

const KEYS: Readonly<Record<string, StrengthKey>> = {
  "+": "stronger",
  "=": "stronger",
  up: "stronger",
  "-": "weaker",
  down: "weaker",
  "0": "off",
};
const HELP = "+ stronger  - weaker  0 off  Esc stops";

/** What came of a question. */
export interface ChatAnswer {
  readonly text: string;
  readonly gate?: number;
  /** It was stopped by a key. */
  readonly stopped: boolean;
  /** The strength at its end. */
  readonly strength: Strength;
  /** Ends and costs, ProtoJSON. */
  readonly facts: Readonly<Record<string, JsonValue>>;
}

/** Asks and prints; with `quiet` nothing is printed. @throws ConnectError of the gateway */
export async function answerOne(
  client: GatewayClient,
  question: ChatQuestion,
  given: { readonly strength: Strength; readonly quiet: boolean },
): Promise<ChatAnswer> {
  const isSteered = question.recipe !== undefined || question.direction !== undefined;
  const { scale: _, dose: __, ...rest } = question;
  const spec = chatSpec(isSteered ? { ...rest, ...asOptions(given.strength) } : question);
  const stop = new AbortController();
  const line = given.quiet ? { show() {}, close() {} } : createStatusLine();
  let [strength, text, generationId, note] = [given.strength, "", "", ""];
  let gate: number | undefined;
  const facts: Record<string, JsonValue> = {};
  const draw = (): void => {
    const parts = isSteered ? [`gate ${gate === undefined ? "…" : gauge(gate, 10)}`, textOf(strength)] : [];
    line.show(colour.dim([...parts, note || HELP].join("   ")));
  };
  const steer = (): void => {
    const refused = (error: unknown): void => {
      note = failureText(error);
      draw();
    };
    client.steer({ generationId, ...asSteer(strength) }).catch(refused);
  };
  const endKeys = listenToKeys((key) => {
    if (key === "escape" || key === "interrupt") return stop.abort();
    const change = KEYS[key];
    if (!change || !isSteered) return;
    strength = moved(strength, change);
    note = "";
    draw();
    if (generationId !== "") steer();
  });
  draw();
  try {
    const start = (signal: AbortSignal) => client.generate({ spec }, { signal });
    for await (const { event } of cancelSafe(start, stop.signal)) {
      if (event.case === "started") {
        generationId = event.value.generationId;
        if (strength !== given.strength) steer();
      }
      if (event.case === "planned") gate = event.value.report?.gate;
      if (event.case === "finished") facts["finished"] = toJson(ChoiceFinishedEventSchema, event.value);
      if (event.case === "completed") facts["completed"] = toJson(CompletedEventSchema, event.value);
      if (event.case === "planned") draw();
      if (event.case !== "delta") continue;
      text += event.value.text;
      if (!given.quiet) process.stdout.write(printable(event.value.text));
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    endKeys();
    line.close();
  }
  if (!given.quiet) process.stdout.write("\n");
  return { text, ...(gate === undefined ? {} : { gate }), stopped: stop.signal.aborted, strength, facts };
}
