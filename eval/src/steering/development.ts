/** Which development prompts a strength was chosen on: told apart by a digest, told to readers by their numbers. */
import { digestOf } from "./labels.ts";
import type { LabPrompt } from "./prompts.ts";

/** The development prompts of a run. */
export interface DevelopmentSet {
  readonly harmful: number;
  readonly harmless: number;
  /** Of the harmless ones those about what the harmful ones are about. */
  readonly matched: number;
  /** Of ids and texts, whatever their order. */
  readonly digest: string;
}

/** The development prompts among those of a run. */
export function developmentSetOf(prompts: readonly LabPrompt[]): DevelopmentSet {
  const of = (name: LabPrompt["class"]) =>
    prompts.filter((prompt) => prompt.split === "development" && prompt.class === name);
  const [harmful, harmless] = [of("harmful"), of("harmless")];
  const lines = [...harmful, ...harmless].map(({ id, text }) => `${id} ${text}`);
  return {
    harmful: harmful.length,
    harmless: harmless.length,
    matched: harmless.filter(({ kind }) => kind === "matched").length,
    digest: digestOf(lines.toSorted().join("\n")),
  };
}

/** "150 harmful and 300 harmless ones (150 on matched topics)". */
export const spellSet = ({ harmful, harmless, matched }: DevelopmentSet): string =>
  `${harmful} harmful and ${harmless} harmless ones (${matched} on matched topics)`;
