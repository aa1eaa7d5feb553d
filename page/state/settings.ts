/** What the user chose, kept in the browser: model, steering, sampling, looks. */
import { storedSignal } from "../lib/stored.ts";

/**
 * How strength is given: as a multiple of the recipe's own, as the relative change of the residual stream, or as the change of
 * the next-token distribution in nats.
 */
export type DoseKind = "scale" | "relative" | "nats";

/** Everything that shapes a request of the chat. */
export interface Settings {
  readonly model: string;
  /** "recipe:NAME", "direction:NAME", or "" for no steering. */
  readonly steering: string;
  readonly doseKind: DoseKind;
  readonly scale: number;
  readonly relative: number;
  readonly nats: number;
  /** First and last block to act on; null leaves it to the recipe. */
  readonly layers: readonly [first: number, last: number] | null;
  /** Ask for the unsteered answer beside the steered one. */
  readonly compare: boolean;
  readonly system: string;
  readonly temperature: number;
  readonly topP: number;
  readonly maxTokens: number;
  readonly seed: number | null;
}

/** Settings of a first visit: greedy, so that base and steered differ by steering alone. */
export const DEFAULT_SETTINGS: Settings = {
  model: "",
  steering: "",
  doseKind: "scale",
  scale: 1,
  relative: 0.01,
  nats: 0.1,
  layers: null,
  compare: true,
  system: "",
  temperature: 0,
  topP: 1,
  maxTokens: 96,
  seed: null,
};

/** The settings. */
export const settings = storedSignal("settings", DEFAULT_SETTINGS);

/** Changes some of the settings. */
export function change(part: Partial<Settings>): void {
  settings.value = { ...settings.value, ...part };
}

/** Light, dark, or as the system says. */
export const looks = storedSignal<{ theme: "auto" | "light" | "dark" }>("looks", { theme: "auto" });
