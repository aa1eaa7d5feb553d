/**
 * Ability slice: is the right answer to an easy question still the likeliest of four? What steering takes from a model shows here
 * before it shows in fluency. Told by the first tokens of the answers, so that it costs a token a question.
 * The questions are our own; a model knows many of them, not all: compare with its own share, unsteered.
 */
import type { FitContext } from "../fit/fit.ts";
import { type Binding, boundCall } from "../work/programs.ts";
import { renderTurns } from "../work/text.ts";

/** A question, its answer, and three that are wrong. */
type Item = readonly [question: string, right: string, ...wrong: [string, string, string]];

const ITEMS: readonly Item[] = [
  ["What is the capital of France?", "Paris", "London", "Berlin", "Madrid"],
  ["What is the capital of Italy?", "Rome", "Athens", "Vienna", "Lisbon"],
  ["What is the capital of Japan?", "Tokyo", "Beijing", "Seoul", "Bangkok"],
  ["In which continent does Egypt lie?", "Africa", "Europe", "America", "Australia"],
  ["What is frozen water called?", "Ice", "Steam", "Sand", "Oil"],
  ["Which planet do we live on?", "Earth", "Mars", "Venus", "Saturn"],
  ["What is the opposite of hot?", "Cold", "Warm", "Fast", "Wet"],
  ["What is the opposite of up?", "Down", "Left", "High", "Over"],
  ["What is the opposite of happy?", "Sad", "Glad", "Big", "Green"],
  ["Which animal barks?", "Dog", "Cat", "Cow", "Fish"],
  ["Which animal gives us milk?", "Cow", "Snake", "Eagle", "Shark"],
  ["What do bees make?", "Honey", "Bread", "Cheese", "Paper"],
  ["What colour is grass?", "Green", "Red", "Blue", "Black"],
  ["What colour is a ripe banana?", "Yellow", "Purple", "Blue", "Black"],
  ["What colour do red and white make?", "Pink", "Green", "Brown", "Black"],
  ["How many legs does a spider have?", "Eight", "Four", "Two", "Ten"],
  ["How many days has a week?", "Seven", "Five", "Twelve", "Thirty"],
  ["What is two plus three?", "Five", "Four", "Nine", "Seven"],
  ["What is ten minus four?", "Six", "Two", "Nine", "Three"],
  ["Which month comes after March?", "April", "July", "December", "October"],
  ["Which day comes after Monday?", "Tuesday", "Friday", "Sunday", "Saturday"],
  ["Which season comes after winter?", "Spring", "Autumn", "Summer", "Christmas"],
  ["Who wrote Romeo and Juliet?", "Shakespeare", "Dickens", "Einstein", "Mozart"],
  ["Which language is spoken in Brazil?", "Portuguese", "German", "Chinese", "Russian"],
  ["Which gas do we breathe in to live?", "Oxygen", "Helium", "Neon", "Methane"],
  ["Which organ pumps blood?", "Heart", "Lung", "Skin", "Ear"],
  ["What does a carpenter work with?", "Wood", "Milk", "Music", "Clouds"],
  ["Where do fish live?", "Water", "Trees", "Sand", "Fire"],
  ["What do you read in a library?", "Books", "Shoes", "Cars", "Apples"],
  ["Which tool drives in nails?", "Hammer", "Spoon", "Brush", "Pillow"],
  ["What is the plural of mouse?", "Mice", "Mouses", "House", "Cats"],
  ["What is the past tense of go?", "Went", "Goes", "Going", "Gone"],
];
const ASK = "Answer with one word.";

/** Share of the questions whose right answer is the likeliest, under a program or under none. */
export type AbilityMeasure = (binding: Binding | undefined) => Promise<number>;

/** Prepares the questions. */
export async function createAbility({ clients, model, scope }: FitContext): Promise<AbilityMeasure> {
  const turns = ITEMS.flatMap(([question, ...answers]) =>
    answers.map((answer) => ({ prompt: `${question} ${ASK}`, answer })),
  );
  const rendered = await renderTurns(clients, model, turns, scope);
  const perItem = rendered.length / ITEMS.length;
  const asked = ITEMS.map((_, index) => {
    const own = rendered.slice(index * perItem, (index + 1) * perItem);
    const firsts = own.map(({ ids, answerTokens }) => ids[ids.length - answerTokens] as number);
    const { ids, answerTokens } = own[0] as (typeof own)[number];
    return { ids: ids.slice(0, ids.length - answerTokens + 1), firsts };
  });
  const candidateIds = [...new Set(asked.flatMap(({ firsts }) => firsts))];
  const slots = new Map(candidateIds.map((id, slot) => [id, slot]));
  return async (program) => {
    const items = asked.map(({ ids }) => ({ ids, first: ids.length - 1 }));
    const request = { modelDigest: model.digest, items, candidateIds, ...(program ? { program } : {}) };
    const answer = await boundCall(clients, [program], scope.signal, (options) =>
      clients.forward.score(request, options),
    );
    scope.spend(items.length);
    const isRight = asked.filter(({ firsts }, index) => {
      const logprobs = answer.items[index]?.candidateLogprobs ?? [];
      const of = (id: number) => logprobs[slots.get(id) ?? -1] ?? Number.NEGATIVE_INFINITY;
      const [right = 0, ...wrong] = firsts;
      return wrong.every((id) => id === right || of(right) > of(id));
    });
    return isRight.length / asked.length;
  };
}
