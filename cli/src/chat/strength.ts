/** The strength a conversation is steered with: a scale or a relative dose, moved by keys while an answer runs. */
import { doseOf } from "../chat-spec.ts";
import { MAX_STRENGTH } from "../steering-options.ts";

/** What a key does to the strength. */
export type StrengthKey = "stronger" | "weaker" | "off";

/** A strength: one of the two, as the conversation was started. */
export interface Strength {
  readonly kind: "scale" | "dose";
  readonly value: number;
}

const STEPS = { scale: 0.25, dose: 0.01 } as const;
const LIMITS = { scale: [-MAX_STRENGTH, MAX_STRENGTH], dose: [0, MAX_STRENGTH] } as const;
const DIGITS = 100;

/** The strength the options of a command ask for. */
export function strengthOf({ scale, dose }: { readonly scale?: number; readonly dose?: number }): Strength {
  return dose === undefined ? { kind: "scale", value: scale ?? 1 } : { kind: "dose", value: dose };
}

/** A step on, within what the API takes. */
export function moved({ kind, value }: Strength, key: StrengthKey): Strength {
  if (key === "off") return { kind, value: 0 };
  const [least, most] = LIMITS[kind];
  const next = value + (key === "stronger" ? STEPS[kind] : -STEPS[kind]);
  return { kind, value: Math.round(Math.min(most, Math.max(least, next)) * DIGITS) / DIGITS };
}

/** As options of a question. */
export function asOptions({ kind, value }: Strength): { scale?: number; dose?: number } {
  return kind === "scale" ? { scale: value } : { dose: value };
}

/** As a request to a running answer. */
export function asSteer({ kind, value }: Strength) {
  return kind === "scale" ? { scale: value } : { dose: doseOf(value) };
}

/** For people. */
export function textOf({ kind, value }: Strength): string {
  return kind === "scale" ? `scale ${value.toFixed(2)}` : `dose ${value.toFixed(2)}`;
}
