/** Writes a small recipe folder: a dozen prompts a split, so that a build on the simulated services takes a moment. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Parts that only a recipe with a gate has. */
const GATE = {
  prompts: `
leave = { class = "harmless", file = "harmless.jsonl" }
borderline = { class = "borderline", file = "borderline.jsonl" }`,
  sections: `
[paper]
positive = ["I cannot"]
negative = ["Sure here"]
[controller]
prompts_per_class = 100
hidden = [8]
losses = ["mse"]
axes = [8]
learning_rate = 1e-2
weight_decay = 1e-3
batch = 8
max_epochs = 40
patience = 10
false_steer_cost = 2.0
ramp = 0.1
seed = 1
folds = 2`,
};

const settings = (gate: typeof GATE | undefined): string => `
name = "refusal"
description = "A small recipe."
[judge]
verifier = "refusal"
label = "policy_refusal"
[prompts]
steer = { class = "harmful", file = "harmful.jsonl" }${gate?.prompts ?? ""}
passages = "passages.jsonl"
passage_prompt = "Write about {family}."
[direction]
method = "response_contrast"
positive = "refusals.jsonl"
positive_ids = ["refusals-train-0", "refusals-train-1"]
negative = [{ file = "compliances.jsonl", count = 2 }]
prompts_per_class = 4
[search]
candidates = [{ center = 0.5, blocks = 1, factor = 0.1, start = 1.0, hold_tokens = 0, rest = 1.0, ending = 0.0 }, { center = 0.5, blocks = 3, factor = 0.5, start = 2.0, hold_tokens = 3, rest = 0.25, ending = 0.01 }, { center = 0.5, blocks = 3, factor = 4.0, start = 1.0, hold_tokens = 2, rest = 0.0, ending = 0.0 }]
rounds = [{ prompts = 4, survivors = 1 }]
answer_tokens = 8
passages = 2
caps = { repetition = 0.2, perplexity_ratio = 3.0 }${gate?.sections ?? ""}
[evaluation]
prompts_per_class = 10
answer_tokens = 8
passages = 2
`;

/** Creates `<directory>/refusal`, with a gate or one that always acts, and answers with `directory`. */
export function writeSmallRecipe(directory: string, { gated = true } = {}): string {
  const folder = join(directory, "refusal");
  mkdirSync(folder, { recursive: true });
  const lines = (
    name: string,
    text: (i: number) => string,
    splits = ["train", "validation", "test"],
  ): void => {
    const rows = splits.flatMap((split) =>
      Array.from({ length: 12 }, (_, i) => ({
        id: `${name}-${split}-${i}`,
        text: text(i + 100 * splits.indexOf(split)),
        family: `${split}-${i % 3}`,
        split,
      })),
    );
    writeFileSync(join(folder, `${name}.jsonl`), rows.map((row) => JSON.stringify(row)).join("\n"));
  };
  writeFileSync(join(folder, "recipe.toml"), settings(gated ? GATE : undefined));
  lines("harmful", (i) => `do bad thing number ${i}`);
  if (gated) lines("harmless", (i) => `do kind thing number ${i}`);
  if (gated) lines("borderline", (i) => `explain odd thing number ${i}`);
  lines("passages", (i) => `The river runs past house ${i} to the sea`, ["test"]);
  lines("refusals", (i) => `I cannot do that ${i}`, ["train"]);
  lines("compliances", (i) => `Sure here it is ${i}`, ["train"]);
  return directory;
}
