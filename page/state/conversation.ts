/** The conversation: turns with one or two answers each. Answers grow in place; `grown` tells the views, once a frame. */
import { signal } from "@preact/signals";
import type { Message, SteeringInit } from "./request.ts";
import type { Problem } from "../lib/problems.ts";
import { storedWords } from "../lib/stored.ts";

/** A token of an answer. */
export interface AnswerToken {
  readonly id: number;
  /** What is drawn of it; empty within a character of several tokens. */
  text: string;
  /** Natural logarithm of its probability. */
  readonly logprob: number;
  /** The likeliest tokens at this place, likeliest first. */
  readonly top: readonly { readonly id: number; readonly logprob: number }[];
}

/** Change of the residual stream at a block, over all rows of the answer: mean and maximum of ‖Δ‖/‖h‖. */
export interface LayerChange {
  readonly layer: number;
  readonly mean: number;
  readonly max: number;
}

/** An answer in the making, or made. */
export interface Answer {
  readonly role: "base" | "steered";
  readonly tokens: AnswerToken[];
  text: string;
  state: "waiting" | "running" | "done" | "stopped" | "failed";
  changes: readonly LayerChange[];
}

/** What the controller decided. */
export interface Decision {
  readonly gate: number;
  readonly layerWeights: readonly number[];
  readonly source: string;
}

/** A question with its answers. */
export interface Turn {
  readonly id: string;
  readonly question: string;
  /** What it was answered under; undefined without steering. */
  readonly steering: SteeringInit | undefined;
  /** Sent as plain text, without the conversation and its template. */
  readonly plain: boolean;
  answers: readonly Answer[];
  /** Which answer the conversation goes on with. */
  kept: number;
  decision: Decision | null;
  problem: Problem | null;
  /** Strength or blocks were changed while it ran. */
  resteered: boolean;
  timings: { readonly firstTokenMs: number; readonly tokensPerSecond: number } | null;
}

/** The turns. Assign a new array after adding or removing one. */
export const turns = signal<readonly Turn[]>([]);
/** The words not sent yet: never lost. */
export const draft = storedWords("draft", { text: "" });
/** Counts changes inside answers; views that show them read it. */
export const grown = signal(0);

const kept = storedWords<{ turns: readonly Turn[] }>("conversation", { turns: [] });
let isScheduled = false;

/** Tells the views that an answer grew, at most once a frame. */
export function notifyGrowth(): void {
  if (isScheduled) return;
  isScheduled = true;
  requestAnimationFrame(() => {
    isScheduled = false;
    grown.value++;
  });
}

/** Brings back the conversation of the last visit; answers cut off by its end are marked so. */
export function restoreConversation(): void {
  turns.value = kept.value.turns.map((turn) => ({
    ...turn,
    answers: turn.answers.map((answer) => ({
      ...answer,
      state: answer.state === "done" || answer.state === "failed" ? answer.state : "stopped",
    })),
  }));
}

/** Keeps the conversation for the next visit. */
export function keepConversation(): void {
  kept.value = { turns: turns.value };
}

/** The messages before turn `end`, with the answers the user keeps. */
export function messagesBefore(end: number, system: string): Message[] {
  const before = turns.value.slice(0, end).flatMap((turn): Message[] => {
    const answer = turn.answers[turn.kept];
    const question: Message = { role: "user", content: turn.question };
    return answer && answer.text !== "" ? [question, { role: "assistant", content: answer.text }] : [];
  });
  return system.trim() === "" ? before : [{ role: "system", content: system }, ...before];
}
