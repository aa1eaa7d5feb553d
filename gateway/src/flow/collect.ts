/** Events of a generation -> one answer. */
import { create } from "@bufbuild/protobuf";
import {
  type Choice,
  ChoiceSchema,
  type CompleteResponse,
  CompleteResponseSchema,
  type GenerateResponse,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";

/** Collects a whole generation. Choices are ordered by index. */
export async function collect(events: AsyncIterable<GenerateResponse>): Promise<CompleteResponse> {
  const answer = create(CompleteResponseSchema);
  const choices = new Map<number, Choice>();
  const choice = (index: number): Choice => {
    const known = choices.get(index) ?? create(ChoiceSchema, { index });
    choices.set(index, known);
    return known;
  };
  for await (const { event } of events) {
    if (event.case === "started") answer.started = event.value;
    if (event.case === "planned") setIfPresent(answer, event.value.report);
    if (event.case === "delta") {
      const target = choice(event.value.choice);
      target.text += event.value.text;
      target.tokens.push(...event.value.tokens);
      target.tokenTexts.push(...event.value.tokenTexts);
      target.toolCalls.push(...event.value.toolCalls);
    }
    if (event.case === "finished") choice(event.value.choice).finished = event.value;
    if (event.case === "verdicts") choice(event.value.choice).verdicts = event.value.verdicts;
    if (event.case === "search" && event.value.event.case === "final")
      answer.search = event.value.event.value;
    if (event.case === "completed") {
      if (event.value.usage) answer.usage = event.value.usage;
      if (event.value.timings) answer.timings = event.value.timings;
    }
  }
  answer.choices = [...choices.values()].sort((a, b) => a.index - b.index);
  return answer;
}

function setIfPresent(answer: CompleteResponse, plan: CompleteResponse["plan"]): void {
  if (plan) answer.plan = plan;
}
