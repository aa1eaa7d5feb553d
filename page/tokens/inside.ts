/** What went on inside the model for an answer: asked of Score and Capture, once an answer, kept while it is shown. */
import { signal } from "@preact/signals";
import { type Activation, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { gateway } from "../lib/client.ts";
import { describeProblem, type Problem } from "../lib/problems.ts";
import { model } from "../state/catalog.ts";
import { type Answer, messagesBefore, type Turn, turns } from "../state/conversation.ts";
import type { Message, SteeringInit } from "../state/request.ts";
import { settings } from "../state/settings.ts";

/** Most bytes of a capture: a token costs layers x width floats. It is asked for twice. */
const MAX_CAPTURE_BYTES = 16 * 2 ** 20;
const FLOAT_BYTES = 4;

/** An answer seen with and without steering, on the same tokens. */
export interface Inside {
  /** Log-probability of each token, nats. */
  readonly base: readonly number[];
  readonly steered: readonly number[];
  /** ‖steered − base‖ / ‖base‖ of the residual stream after each block; [layers][rows]. */
  readonly change: readonly (readonly number[])[];
}

/** A block's guess of a token: the final norm and head on its residual row. */
export interface LensRow {
  readonly layer: number;
  readonly top: readonly { readonly id: number; readonly logprob: number }[];
}

/** Results by answer. */
export const insides = signal<ReadonlyMap<Answer, Inside | Problem | "running">>(new Map());

/** Fetches how base and steered model see an answer's tokens. */
export async function lookInside(turn: Turn, answer: Answer): Promise<void> {
  const keep = (value: Inside | Problem | "running") => {
    insides.value = new Map(insides.value).set(answer, value);
  };
  keep("running");
  try {
    keep(await readInside(turn, answer));
  } catch (error) {
    keep(describeProblem(error));
  }
}

/** The likeliest tokens after the first `index` tokens of an answer, block by block. */
export async function readLens(turn: Turn, answer: Answer, index: number): Promise<LensRow[]> {
  const taps = [{ site: Site.RESIDUAL, positions: TapPositions.LAST, logits: { top: 3 } }];
  const steering = answer.role === "steered" ? turn.steering : undefined;
  const activations = await capture(turn, idsOf(answer, index), taps, steering);
  return activations
    .map(({ layer, logits }) => ({ layer, top: logits[0]?.top ?? [] }))
    .sort((a, b) => a.layer - b.layer);
}

async function readInside(turn: Turn, answer: Answer): Promise<Inside> {
  const use = turn.steering;
  const conversation = { messages: messagesOf(turn) };
  const answerIds = [{ ids: idsOf(answer) }];
  const score = (steering: typeof use) =>
    gateway.score({ model: name(), conversation, answerIds, ...(steering ? { steering } : {}) });
  const taps = [{ site: Site.RESIDUAL, positions: TapPositions.RANGE }];
  const shown = idsOf(answer, rowsWorth());
  const [base, steered] = await Promise.all([score(undefined), score(use)]);
  const plain = await capture(turn, shown, taps, undefined);
  const pushed = await capture(turn, shown, taps, use);
  const logprobs = ({ answers }: typeof base) => answers[0]?.tokens.map(({ logprob }) => logprob) ?? [];
  return { base: logprobs(base), steered: logprobs(steered), change: relativeChange(plain, pushed) };
}

/** Rows of all blocks that a capture brings within its bytes. */
function rowsWorth(): number {
  const { layers = 0, width = 0 } = model.value ?? {};
  return Math.max(1, Math.floor(MAX_CAPTURE_BYTES / Math.max(1, layers * width * FLOAT_BYTES)));
}

/** The tokens as they were drawn: an answer may end inside a character, and its text may split into others. */
function idsOf(answer: Answer, count = answer.tokens.length): number[] {
  return answer.tokens.slice(0, count).map(({ id }) => id);
}

async function capture(
  turn: Turn,
  ids: number[],
  taps: { site: Site; positions: TapPositions; logits?: { top: number } }[],
  steering: SteeringInit | undefined,
): Promise<Activation[]> {
  const input = { case: "conversation" as const, value: { messages: messagesOf(turn) } };
  const request = { model: name(), input, answerIds: { ids }, taps, ...(steering ? { steering } : {}) };
  const all: Activation[] = [];
  for await (const { activations } of gateway.capture(request)) all.push(...activations);
  return all;
}

/** ‖b − a‖ / ‖a‖ row by row, [layers][rows]; frames of a layer come in the order of their positions. */
function relativeChange(plain: readonly Activation[], pushed: readonly Activation[]): number[][] {
  const [before, after] = [rowsByLayer(plain), rowsByLayer(pushed)];
  return before.map((rows, layer) =>
    rows.map((row, at) => {
      const other = after[layer]?.[at];
      let [difference, norm] = [0, 0];
      for (let i = 0; i < row.length; i++) {
        difference += ((other?.[i] ?? 0) - (row[i] ?? 0)) ** 2;
        norm += (row[i] ?? 0) ** 2;
      }
      return Math.sqrt(difference / Math.max(norm, Number.MIN_VALUE));
    }),
  );
}

function rowsByLayer(activations: readonly Activation[]): Float32Array[][] {
  const layers: Float32Array[][] = [];
  const inOrder = [...activations].sort((a, b) => a.firstPosition - b.firstPosition);
  for (const { layer, values } of inOrder) {
    if (!values) continue;
    const [count = 0, width = 0] = values.shape;
    const floats = new Float32Array(values.data.slice().buffer);
    const rows = (layers[layer] ??= []);
    for (let row = 0; row < count; row++) rows.push(floats.subarray(row * width, (row + 1) * width));
  }
  return layers;
}

function messagesOf(turn: Turn): Message[] {
  const before = messagesBefore(turns.value.indexOf(turn), settings.value.system);
  return [...before, { role: "user", content: turn.question }];
}

const name = (): string => model.value?.name ?? "";
