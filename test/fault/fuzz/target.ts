/** What is fuzzed: how an input is made, what reads it, and how far it got. */
import { fromConnectError, TrimtabError } from "#kit/errors.ts";
import type { createRandom } from "../../model/strings.ts";

/** A seeded source of choices. */
export type Random = ReturnType<typeof createRandom>;

/** One of a list. */
export function pick<T>(random: Random, list: readonly T[]): T {
  return list[random.below(list.length)] as T;
}

/** What an input was refused with; of another protocol: its code in place of the reason. */
export interface Refusal {
  readonly reason: string;
  readonly message: string;
  readonly limit?: string | undefined;
  readonly cause?: unknown;
}

/** A refusal of another protocol, thrown by a target's `read`. */
export class RefusedAs extends Error implements Refusal {
  override readonly name = "RefusedAs";
  constructor(
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

/** A reader of outside data. */
export interface Target<Input> {
  readonly name: string;
  /** Cases of a short and of a long run. */
  readonly cases: readonly [short: number, long: number];
  make(random: Random): Input;
  /** Reads the input as the service does. Throws what it is refused with. */
  read(input: Input): unknown;
  /** Whether a refusal is that of the first check: what is no text, no JSON, no message, no expression at all. */
  isFirstCheck(error: Refusal): boolean;
  /** Every reason the reader refuses with, or code in an OpenAI body. */
  readonly reasons: readonly string[];
  /** Inputs that once failed, or that chance does not find. */
  readonly corpus: readonly Input[];
}

/** Outcome of a case. */
export interface Outcome {
  readonly reason: string;
  readonly isPast: boolean;
}

/** Reads one input. @throws Error for anything but a typed error, and for INTERNAL. */
export async function tryInput<Input>(target: Target<Input>, input: Input): Promise<Outcome> {
  try {
    await target.read(input);
    return { reason: "ok", isPast: true };
  } catch (thrown) {
    const isTyped = thrown instanceof TrimtabError || thrown instanceof RefusedAs;
    const error: Refusal = isTyped ? thrown : fromConnectError(thrown);
    if (/^(internal|unknown)$/i.test(error.reason))
      throw new Error(`${target.name}: ${show(input)}`, { cause: thrown });
    return { reason: error.reason, isPast: !target.isFirstCheck(error) };
  }
}

/** An input as a line to put into the corpus. */
function show(input: unknown): string {
  return input instanceof Uint8Array
    ? `base64 ${Buffer.from(input).toString("base64")}`
    : JSON.stringify(input, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
}

/** A text with one to three changes: cuts, repetitions, exchanged and foreign characters. */
export function mutateText(text: string, random: Random): string {
  let changed = text;
  for (let i = random.below(3); i >= 0; i--) {
    const at = random.below(changed.length + 1);
    const kind = random.below(4);
    if (kind === 0) changed = changed.slice(0, at);
    else if (kind === 1) changed = changed.slice(0, at) + changed.slice(Math.max(0, at - 12));
    else if (kind === 2) changed = changed.slice(0, at) + pick(random, FOREIGN) + changed.slice(at + 1);
    else changed = changed.slice(0, at) + changed.slice(at + random.below(8));
  }
  return changed;
}

/** Bytes with one to three changes. */
export function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  let changed = bytes.slice();
  for (let i = random.below(3); i >= 0 && changed.length > 0; i--) {
    const at = random.below(changed.length);
    const kind = random.below(8);
    if (kind === 0) changed = changed.slice(0, at);
    else if (kind === 1)
      changed = Uint8Array.from([...changed.slice(0, at), ...changed.slice(Math.max(0, at - 16))]);
    else changed[at] = kind < 5 ? random.below(256) : pick(random, EDGES);
  }
  return changed;
}

const FOREIGN = [
  "\0",
  "\u2028",
  "é",
  "😀",
  "\ud800",
  '"',
  "\\",
  "{",
  "}",
  "[",
  "]",
  "(",
  ")",
  "-1",
  "1e999",
  "null",
];
const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x10];
