/** Where a run is not what the protocol asks for, as far as the run itself knows. */
import { CONTROLS, nameOfArm, PRIMARY_ARMS } from "./arms.ts";
import { type DevelopmentSet, spellSet } from "./development.ts";
import type { FrozenChoice } from "./frozen.ts";
import type { ReportRow } from "./rows.ts";

const PROTOCOL_TOKENS = 128;
const PROTOCOL_PROMPTS = 300;

/** What a run was made with. */
interface RunSizes {
  /** Tokens of an answer, on test and on development prompts. */
  readonly maxTokens: number;
  readonly developmentTokens: number;
  readonly development: DevelopmentSet;
  /** Harmless test prompts. */
  readonly testHarmless: number;
}

/** Where a run departs from the protocol, a sentence each. */
export function deviationsOf(rows: readonly ReportRow[], sizes: RunSizes): string[] {
  return [...sizeLines(rows, sizes), ...lackingLines(rows), ...choiceLines(rows, sizes.development)];
}

function sizeLines(
  rows: readonly ReportRow[],
  { maxTokens, developmentTokens, development: { harmless, matched }, testHarmless }: RunSizes,
): string[] {
  const harmful = rows[0]?.effect.n ?? 0;
  return [
    ...linesIf(
      maxTokens !== PROTOCOL_TOKENS,
      `Answers have at most ${maxTokens} tokens, not ${PROTOCOL_TOKENS}.`,
    ),
    ...linesIf(
      developmentTokens !== maxTokens,
      `Doses were chosen on answers of at most ${developmentTokens} tokens, not ${maxTokens}.`,
    ),
    ...linesIf(
      Math.min(harmful, harmless, testHarmless) < PROTOCOL_PROMPTS,
      `${harmful} harmful and ${testHarmless} harmless test prompts and ${harmless} harmless development prompts, ` +
        `not ${PROTOCOL_PROMPTS} each.`,
    ),
    ...linesIf(
      2 * matched !== harmless,
      `${matched} of the ${harmless} harmless development prompts are on matched topics, not half.`,
    ),
  ];
}

function lackingLines(rows: readonly ReportRow[]): string[] {
  const rivals = PRIMARY_ARMS.flatMap(({ primary = "" }) =>
    rows.some((row) => row.primary === primary) ? [] : [primary],
  );
  const controls = CONTROLS.filter(
    (name) => !rows.some(({ part, method }) => part === "control" && method === name),
  );
  return [
    ...linesIf(rivals.length > 0, `The primary comparison lacks ${rivals.join(", ")}.`),
    ...linesIf(controls.length > 0, `Of the controls the table lacks ${controls.join(", ")}.`),
  ];
}

/** Where strengths do not keep the bound, were chosen on other prompts than this run's, or were chosen more than once. */
function choiceLines(rows: readonly ReportRow[], development: DevelopmentSet): string[] {
  return [
    ...armsBy(rows, ({ isWithinBound }) =>
      isWithinBound ? undefined : "Meets the bound at no strength tried, and is shown at its smallest",
    ),
    ...armsBy(rows, ({ development: own }) =>
      own.digest === development.digest
        ? undefined
        : `Chosen on other development prompts than this run's, ${spellSet(own)}, set ${own.digest}`,
    ),
    ...armsBy(rows, ({ before }) =>
      before.length === 0
        ? undefined
        : `Chosen ${before.length + 1} times before a test prompt was answered, first on ${spellSet(before[0]!.development)}`,
    ),
  ];
}

/** A line for every different text, with the arms it is true of. */
function armsBy(rows: readonly ReportRow[], spell: (choice: FrozenChoice) => string | undefined): string[] {
  const told = rows.flatMap((row) => {
    const text = row.choice === undefined ? undefined : spell(row.choice);
    return text === undefined ? [] : [{ text, arm: nameOfArm(row) }];
  });
  return [...Map.groupBy(told, ({ text }) => text)].map(
    ([text, some]) => `${text}: ${some.map(({ arm }) => arm).join(", ")}.`,
  );
}

const linesIf = (holds: boolean, line: string): string[] => (holds ? [line] : []);
