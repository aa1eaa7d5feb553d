/**
 * What a task is: problems drawn from a seed, each with a prompt, a verifier that checks an answer exactly, where possible
 * one that values an answer in the making exactly, and a key of its content by which splits are disjoint.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Random } from "./random.ts";

/** A message of a prompt. */
export interface Turn {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** A verifier with its parameters. */
export interface Checker {
  readonly name: string;
  readonly parameters: JsonObject;
}

/** One problem. */
export interface Problem {
  /** What it is made of, in canonical order (an operand multiset, say): equal keys are one problem. */
  readonly key: string;
  readonly messages: readonly Turn[];
  /** Decides whether an answer is right: score 1 is. */
  readonly outcome: Checker;
  /** Exact value of an answer in the making, where the task has one. */
  readonly process?: Checker;
  /** An answer that is right, as the prompt asks for it. */
  readonly solution: string;
}

/** What of a text is its answer, for votes; as strategies know it. */
export type AnswerForm = "number" | "line" | "text";

/** A family of problems. */
export interface Task {
  readonly name: string;
  readonly description: string;
  /** Names of the levels, easier ones first. */
  readonly levels: readonly string[];
  readonly answer: AnswerForm;
  /** Strings that end a reasoning step. */
  readonly separators: readonly string[];
  /** Most tokens of an answer. */
  readonly maxTokens: number;
  /** Draws a problem of a level (an index of `levels`). */
  draw(level: number, random: Random): Problem;
}
