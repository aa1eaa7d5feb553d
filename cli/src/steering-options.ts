/** Options that say what steers an answer, shared by the commands that answer. */
import type { Command } from "commander";
import { KEY_LIMITS } from "#kit/limits.ts";
import { numberIn } from "#kit/option-values.ts";
import type { ChatQuestion } from "./chat-spec.ts";

/** Largest magnitude of a scale, and largest relative dose, of the API. */
export const MAX_STRENGTH = KEY_LIMITS.steeringStrength;

/** Values of the options added by `addSteeringOptions`. */
export type SteeringFlags = Pick<ChatQuestion, "recipe" | "direction" | "scale" | "dose">;

/** Adds `--recipe`, `--direction`, `--scale` and `--dose`. */
export function addSteeringOptions(command: Command): Command {
  return command
    .option("--recipe <name>", "steer with a built recipe")
    .option(
      "--direction <name>",
      "steer with a stored direction (it needs --scale or --dose), edit or ruleset",
    )
    .option("--scale <x>", "multiply the built or stored strength", numberIn(-MAX_STRENGTH, MAX_STRENGTH))
    .option("--dose <x>", "instead: size of the push beside the activations", numberIn(0, MAX_STRENGTH));
}
