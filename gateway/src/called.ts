/**
 * Generations whose answers may call functions: what the model wrote as a call leaves as one, beside the text. Behind the counting and
 * charging of tokens, which is of all that was written.
 */
import { create } from "@bufbuild/protobuf";
import type { GenerateResponse, GenerationSpec } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { FinishReason, type ToolCall, ToolCallSchema } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { CallScope } from "./clients.ts";
import type { GatewayContext } from "./context.ts";
import { createCallReader, type CallReader, type Read } from "./flow/calls/reader.ts";
import type { CallSyntax } from "./flow/calls/syntax.ts";
import { choiceOf } from "./flow/calls/tool-choice.ts";
import { withoutUnkept } from "./flow/calls/unheld.ts";
import { withUnmarked } from "./flow/calls/unmarked.ts";
import { eventOf } from "./flow/events.ts";
import { resolveModel } from "./flow/model.ts";
import { type Begun, observed } from "./observed.ts";

/** Generates as {@link observed} does. */
export function called(
  gateway: GatewayContext,
  spec: GenerationSpec | undefined,
  scope: CallScope,
  begun?: Begun,
): AsyncIterable<GenerateResponse, void> {
  return choiceOf(spec).tools.length > 0
    ? withCalls(gateway, spec, scope, begun)
    : observed(gateway, spec, scope, begun);
}

/** A choice in the making. */
interface Reading {
  readonly reader: CallReader;
  /** How many functions it has called. */
  calls: number;
}

/** What became of a text. */
interface Taken {
  readonly text: string;
  readonly toolCalls: ToolCall[];
}

async function* withCalls(
  gateway: GatewayContext,
  spec: GenerationSpec | undefined,
  { send: _, ...scope }: CallScope,
  begun: Begun | undefined,
): AsyncGenerator<GenerateResponse, void> {
  const { flow } = gateway;
  const { tools, isForced, isSingle } = choiceOf(spec);
  const readings = new Map<number, Reading>();
  let syntax: CallSyntax | undefined;
  const names = tools.map(({ name }) => name);
  const begin = (of: CallSyntax): Reading => {
    const reader = createCallReader(of, isForced);
    return { reader: isForced ? reader : withUnmarked(reader, of, names), calls: 0 };
  };
  const readingOf = (choice: number, of: CallSyntax): Reading => {
    const reading = readings.get(choice) ?? begin(of);
    readings.set(choice, reading);
    return reading;
  };
  const take = (of: CallSyntax, reading: Reading, { text, calls }: Read): Taken => {
    const counted = isSingle || of.isSingle ? calls.slice(0, 1 - reading.calls) : calls;
    reading.calls += counted.length;
    return { text, toolCalls: counted.map((call) => create(ToolCallSchema, { id: of.newId(), ...call })) };
  };
  for await (const response of observed(gateway, spec, scope, begun)) {
    const { event } = response;
    if (event.case === "started") {
      const model = await resolveModel(flow.clients, event.value.modelDigest, scope);
      syntax = (await flow.vocabularies.get(model, scope)).calls;
    }
    if (syntax && event.case === "delta") {
      const reading = readingOf(event.value.choice, syntax);
      const read = take(syntax, reading, reading.reader.push(event.value.text));
      if (read.text !== "" || read.toolCalls.length > 0 || event.value.tokens.length > 0)
        yield eventOf({ case: "delta", value: { ...event.value, ...read } });
    } else if (syntax && event.case === "finished") {
      const { choice, reason } = event.value;
      const reading = readingOf(choice, syntax);
      const end = await withoutUnkept(reading.reader.end(), tools, flow.clients, scope);
      const read = take(syntax, reading, end);
      if (read.text !== "" || read.toolCalls.length > 0)
        yield eventOf({ case: "delta", value: { choice, ...read } });
      if (reading.calls > 0 && reason === FinishReason.STOP) event.value.reason = FinishReason.TOOL_CALLS;
      yield response;
    } else yield response;
  }
}
