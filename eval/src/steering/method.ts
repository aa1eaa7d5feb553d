/**
 * What a steering method of the lab is: how it asks for the steered answer to a prompt at a dose, its gate held open. Which
 * prompts get that answer is the gate's business (`gates.ts`). One request, so that every method is measured alike.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";

/** How a request steers. */
export type Use = MessageInitShape<typeof SteeringUseSchema>;

/** A conversation as the public API takes it. */
export interface Question {
  readonly prompt: {
    readonly case: "conversation";
    readonly value: { readonly messages: { readonly role: string; readonly content: string }[] };
  };
}

/** A request of the public API, but for what all methods share (model, temperature, length). */
export interface MethodRequest {
  readonly question: Question;
  readonly use?: Use;
  /** Added to the logits of token ids at every step. */
  readonly logitBias?: { readonly [id: number]: number };
  /** The answer's given beginning; it is part of the answer that is judged. */
  readonly prefix?: string;
  /** The whole answer, whatever the prompt: nothing is generated. */
  readonly fixed?: string;
}

/** A method. */
export interface Method {
  readonly name: string;
  /** Name and whatever else decides its answers, such as the digest of an artifact: part of the keys of kept samples. */
  readonly identity: string;
  /** Where it acts: "residual", "prompt", "logits", … */
  readonly site: string;
  /** What it is, for readers of the table. */
  readonly description: string;
  /** Doses tried on development prompts, ascending; what a dose means is the method's own. */
  readonly doses: readonly number[];
  request(text: string, dose: number): MethodRequest;
}

/** What a report says of a method. */
export type MethodNote = Pick<Method, "name" | "site" | "description" | "doses">;

/** A plain question, with a system message of its own or the model's. */
export function questionOf(text: string, system?: string): Question {
  const messages = [
    ...(system === undefined ? [] : [{ role: "system", content: system }]),
    { role: "user", content: text },
  ];
  return { prompt: { case: "conversation", value: { messages } } };
}

/** The unsteered answer: what a shut gate gives. */
export const BASE: Method = {
  name: "base",
  identity: "base",
  site: "none",
  description: "no steering",
  doses: [0],
  request: (text) => ({ question: questionOf(text) }),
};
