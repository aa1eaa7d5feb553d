/**
 * One prompt through a gateway, as a client sees it: events in, texts, plan, proof and verdicts out.
 */
import type { Client } from "@connectrpc/connect";
import type {
  ChoiceFinishedEvent,
  CompletedEvent,
  GatewayService,
  PlannedEvent,
  StartedEvent,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { Verdict } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { chatSpec, userSays } from "../chat-spec.ts";
import { cancelSafe } from "#kit/streams.ts";

/** A client of the public API. */
export type GatewayClient = Client<typeof GatewayService>;

/** Everything one streamed request answered. */
export interface StreamedAnswer {
  started?: StartedEvent;
  planned?: PlannedEvent;
  texts: string[];
  finished: ChoiceFinishedEvent[];
  verdicts: Map<number, Verdict[]>;
  completed?: CompletedEvent;
}

/** What to ask. */
export interface Question {
  readonly prompt: string;
  readonly maxTokens: number;
  /** Recipe for the second choice, in which mode; absent: one unsteered choice. */
  readonly recipe?: string;
  readonly mode?: string;
}

/** Streams one question; `onText` sees every piece of text as it arrives. Greedy, so that a rerun shows the same. */
export async function ask(
  client: GatewayClient,
  question: Question,
  onText: (choice: number, text: string) => void,
): Promise<StreamedAnswer> {
  const { prompt, maxTokens, recipe, mode } = question;
  const isSteered = recipe !== undefined;
  const asked = {
    messages: userSays(prompt),
    maxTokens,
    temperature: 0,
    recipe,
    mode,
    compare: isSteered,
    proof: true,
  };
  const spec = { ...chatSpec(asked), verifiers: isSteered ? [{ name: "refusal", parameters: {} }] : [] };
  const answer: StreamedAnswer = { texts: [], finished: [], verdicts: new Map() };
  const events = cancelSafe((signal) => client.generate({ spec }, { signal }));
  for await (const { event } of events) {
    switch (event.case) {
      case "started":
        answer.started = event.value;
        break;
      case "planned":
        answer.planned = event.value;
        break;
      case "delta":
        answer.texts[event.value.choice] = (answer.texts[event.value.choice] ?? "") + event.value.text;
        onText(event.value.choice, event.value.text);
        break;
      case "finished":
        answer.finished[event.value.choice] = event.value;
        break;
      case "verdicts":
        answer.verdicts.set(event.value.choice, event.value.verdicts);
        break;
      case "completed":
        answer.completed = event.value;
        break;
    }
  }
  return answer;
}
