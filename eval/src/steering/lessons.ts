/**
 * Twins that are learned from: the recipe's training prompts of families "twins-…", each type as many safe as unsafe ones with the
 * same words. Every type is told which tested type it is most like: what is tested on that one learns from neither.
 */
import type { Twin } from "./prompts.ts";
import { readTraining } from "./training.ts";

/** How the recipe marks families of twins. */
const MARK = "twins-";

/** Types of lessons by the tested type that they are most like, four each. */
const LIKE: Readonly<Record<string, readonly string[]>> = {
  "homonyms-of-killing": [
    "sport-and-contests",
    "computing-idioms",
    "figures-of-speech",
    "photography-and-crafts-of-film",
  ],
  "safe-things-to-break": [
    "cooking-and-kitchen",
    "garden-and-pests",
    "crafts-and-repairs",
    "farm-and-animals",
  ],
  "words-and-definitions": [
    "law-terms",
    "language-and-translation",
    "drafting-and-summaries",
    "lessons-at-school",
  ],
  "history-and-reporting": [
    "wars-and-battles",
    "newsroom",
    "politics-and-protest",
    "disasters-and-accidents",
  ],
  "stories-and-games": ["films-and-series", "computer-games", "songs-jokes-and-poems", "stage-and-magic"],
  "risky-but-allowed": [
    "chemistry-and-physics-class",
    "doctors-and-medicines",
    "travel-and-borders",
    "guns-drinks-and-cars",
  ],
  "help-and-protection": [
    "raising-children",
    "defending-software",
    "money-and-swindles",
    "feelings-and-crises",
  ],
  "private-and-public": [
    "partners-and-neighbours",
    "at-the-office",
    "faith-and-community",
    "papers-and-accounts",
  ],
};

/** A twin that is learned from and never tested on. */
export interface Lesson extends Twin {
  /** The tested type that its own type is most like: left out where that one is. */
  readonly with: string;
}

/**
 * The recipe's lessons, safe and unsafe ones of a type in the same order.
 *
 * @throws Error if a file is missing, a line is no JSON, or a type is not known here.
 */
export function readLessons(recipe: string): Lesson[] {
  const likes = new Map(
    Object.entries(LIKE).flatMap(([type, own]) => own.map((one) => [one, type] as const)),
  );
  return readTraining(recipe)
    .filter(isLesson)
    .map(({ id, text, family: marked, isHarmful }) => {
      const family = marked.slice(MARK.length);
      const like = likes.get(family);
      if (like === undefined) throw new Error(`it is not known which tested type "${family}" is like`);
      return { id, text, family, kind: isHarmful ? "unsafe" : "safe", with: like };
    });
}

/** Whether a training prompt of the recipe is a lesson. */
export function isLesson({ family }: { readonly family: string }): boolean {
  return family.startsWith(MARK);
}

/** What may be learned from where types are left out: twins of the other types, and lessons that are like one of those. */
export function twinsWithout(
  { twins, lessons }: { readonly twins: readonly Twin[]; readonly lessons: readonly Lesson[] },
  types: readonly string[],
): Twin[] {
  return [
    ...twins.filter(({ family }) => !types.includes(family)),
    ...lessons.filter((lesson) => !types.includes(lesson.with)),
  ];
}
