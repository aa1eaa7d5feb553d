/** The token a person points at; the token view is about it. */
import { signal } from "@preact/signals";
import type { Answer } from "../state/conversation.ts";

/** A token of an answer. */
export interface Picked {
  readonly turnId: string;
  readonly answer: Answer;
  readonly index: number;
}

/** The token pointed at, null before the first. */
export const picked = signal<Picked | null>(null);

/** Points at a token. */
export function pick(token: Picked): void {
  picked.value = token;
}

/** Moves along the answer, by tokens. */
export function move(by: number): void {
  const now = picked.value;
  if (!now) return;
  const index = Math.min(now.answer.tokens.length - 1, Math.max(0, now.index + by));
  picked.value = { ...now, index };
}
