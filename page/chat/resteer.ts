/**
 * A new strength or other blocks for the answer under way. While a change is on its way only the latest one waits: a slider
 * sends as many as the server takes, and the last one always arrives.
 */
import { signal } from "@preact/signals";
import { gateway } from "../lib/client.ts";
import { describeProblem, type Problem } from "../lib/problems.ts";
import { layersOf, strengthOf } from "../state/request.ts";
import { settings } from "../state/settings.ts";
import { type Running, running } from "./run.ts";

/** How the last change went: on its way, in effect, or refused; null before the first. */
export const resteered = signal<"sending" | "done" | Problem | null>(null);

let isWanted = false;
let isSending = false;

/** Applies the strength and blocks of now to the answers under way; without any, they count from the next answer on. */
export async function steerNow(): Promise<void> {
  isWanted = true;
  if (isSending) return;
  isSending = true;
  while (isWanted) {
    isWanted = false;
    const now = running.value;
    if (now?.generationId && now.turn.steering) await send(now);
  }
  isSending = false;
}

async function send(now: Running): Promise<void> {
  const layers = activeLayers(now);
  if (layers === null) return;
  resteered.value = "sending";
  try {
    const { generationId } = now;
    await gateway.steer({ generationId, ...strengthOf(settings.value), activeLayers: layers });
    now.turn.resteered = true;
    resteered.value = "done";
  } catch (error) {
    // It may have ended in between: the setting then counts from the next answer on.
    const problem = describeProblem(error);
    resteered.value = problem.reason === "SEQUENCE_NOT_FOUND" ? null : problem;
  }
}

/** Blocks of the range that the answer was started with; null, and said, if there are none. */
function activeLayers({ turn }: Running): number[] | null {
  const wanted = layersOf(settings.value);
  const weights = turn.decision?.layerWeights ?? [];
  const own = wanted.filter((layer) => (weights[layer] ?? 0) > 0);
  if (wanted.length === 0 || own.length > 0) return own;
  const pushed = weights.flatMap((weight, layer) => (weight > 0 ? [layer] : []));
  resteered.value = {
    ...{ title: "This answer was started with other blocks", reason: "" },
    advice: `It can be pushed at blocks ${pushed[0]} to ${pushed.at(-1)}; the range you set counts from the next answer on.`,
    detail: "",
  };
  return null;
}
