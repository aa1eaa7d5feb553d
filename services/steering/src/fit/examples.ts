/** Examples of a recipe in the form a method reads them: templated texts, and where in each the reading begins. */
import { TrimtabError } from "#kit/errors.ts";
import type { ModelShape, SteeringClients, WorkScope } from "../clients.ts";
import type { ActivationNeeds } from "../methods/method.ts";
import { type Prompt, type Split, takePrompts } from "../recipes/prompts.ts";
import type { RecipeSource } from "../recipes/recipe.ts";
import type { CaptureText } from "../work/capture.ts";
import { answerSpan, textSpan } from "../work/spans.ts";
import { encodeTexts, renderTurns, type Turn } from "../work/text.ts";

/** Texts of the two classes. */
export interface Examples {
  readonly positive: readonly CaptureText[];
  readonly negative: readonly CaptureText[];
}

/** What examples are made from. */
export interface ExampleSource {
  readonly clients: SteeringClients;
  readonly model: ModelShape;
  readonly recipe: RecipeSource;
  readonly scope: WorkScope;
}

type TextKind = ActivationNeeds["texts"];

/** Training prompts of each class, if a fit is not told: answers and choices multiply them. */
const PROMPTS: Readonly<Record<TextKind, number>> = {
  prompts: 128,
  answers: 8,
  choices: 8,
  tokens: 0,
  texts: 0,
};
const VALIDATION_SHARE = 0.5;

/**
 * Examples of a split. Validation takes half as many prompts as training.
 * @throws TrimtabError INVALID_ARGUMENT if a recipe has no example of a class, or none of this kind
 */
export async function examplesOf(
  source: ExampleSource,
  texts: TextKind,
  split: Split,
  promptsPerClass: number | undefined,
  holdsOutAnswers = false,
): Promise<Examples> {
  if (texts === "tokens") return tokenExamples(source);
  const most = promptsPerClass ?? PROMPTS[texts];
  const count = split === "train" ? most : Math.max(4, Math.round(VALIDATION_SHARE * most));
  const turns = turnsOf(source.recipe, texts, split, count, holdsOutAnswers);
  return {
    positive: await render(source, turns.positive, "positive"),
    negative: await render(source, turns.negative, "negative"),
  };
}

function turnsOf(
  recipe: RecipeSource,
  texts: TextKind,
  split: Split,
  count: number,
  holdsOutAnswers: boolean,
): { positive: Turn[]; negative: Turn[] } {
  const steer = takePrompts(recipe.steer, split, count);
  const leave = takePrompts(recipe.leave, split, count);
  const bare = ({ text }: Prompt): Turn => ({ prompt: text });
  if (texts === "prompts") return { positive: steer.map(bare), negative: leave.map(bare) };
  const prompts = [...steer, ...leave];
  if (texts === "answers") {
    const own = (answers: readonly Prompt[]) =>
      holdsOutAnswers && answers.length > 1
        ? answers.filter((_, index) => (index % 2 === 0) === (split === "train"))
        : answers;
    const pairs = (answers: readonly Prompt[]) =>
      prompts.flatMap(({ text }) => own(answers).map((answer) => ({ prompt: text, answer: answer.text })));
    return { positive: pairs(recipe.positiveAnswers), negative: pairs(recipe.negativeAnswers) };
  }
  if (texts === "choices") return choiceTurns(recipe, prompts);
  throw new TrimtabError("INVALID_ARGUMENT", "this method reads texts, which recipes do not have", {
    field: "method",
  });
}

/** Both orders of two answers, with the letter of the one that shows the behaviour or that of the other. */
function choiceTurns(recipe: RecipeSource, prompts: readonly Prompt[]) {
  const positive: Turn[] = [];
  const negative: Turn[] = [];
  for (const [i, { text }] of prompts.entries()) {
    const shows = recipe.positiveAnswers[i % recipe.positiveAnswers.length]?.text ?? "";
    const other = recipe.negativeAnswers[i % recipe.negativeAnswers.length]?.text ?? "";
    for (const isFirst of [true, false]) {
      const [a, b] = isFirst ? [shows, other] : [other, shows];
      const prompt = `${text}\n\nChoices:\n(A) ${a}\n(B) ${b}\n\nWhich answer do you choose?`;
      positive.push({ prompt, answer: isFirst ? "(A" : "(B" });
      negative.push({ prompt, answer: isFirst ? "(B" : "(A" });
    }
  }
  return { positive, negative };
}

async function render(
  { clients, model, scope }: ExampleSource,
  turns: readonly Turn[],
  side: string,
): Promise<CaptureText[]> {
  if (turns.length === 0) {
    throw new TrimtabError("INVALID_ARGUMENT", `the recipe has no ${side} examples`, { field: "recipe" });
  }
  const rendered = await renderTurns(clients, model, turns, scope);
  return rendered.map((turn) => (turn.answerTokens === 0 ? textSpan(turn.ids) : answerSpan(turn)));
}

/** Phrases of a recipe's paper mode. @throws TrimtabError INVALID_ARGUMENT if it has none. */
export function paperPhrases({ settings }: RecipeSource): NonNullable<RecipeSource["settings"]["paper"]> {
  if (settings.paper) return settings.paper;
  throw new TrimtabError("INVALID_ARGUMENT", "the recipe has no phrases ([paper])", { field: "recipe" });
}

/** The phrases of the recipe's paper mode, a token a text. */
async function tokenExamples({ clients, model, recipe, scope }: ExampleSource): Promise<Examples> {
  const { positive, negative } = paperPhrases(recipe);
  const tokens = async (phrases: readonly string[]) =>
    (await encodeTexts(clients, model, phrases, scope)).flat().map((id) => ({ ids: [id], first: 0 }));
  return { positive: await tokens(positive), negative: await tokens(negative) };
}
