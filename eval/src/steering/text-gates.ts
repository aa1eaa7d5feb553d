/**
 * Gates that read the prompt's text and nothing of the model: what activations must beat. TF-IDF of words and word pairs
 * with logistic regression, and the length alone. Trained on the prompts the controller was trained on.
 */
import type { Gate } from "./gate.ts";
import { denseRow, fitLogistic, scoreOf, type SparseRow } from "./logistic.ts";
import type { LabPrompt } from "./prompts.ts";

/** A prompt to learn from. */
export interface LabelledText {
  readonly text: string;
  readonly isHarmful: boolean;
}

const TF_IDF = { penalty: 3e-4, rounds: 600 };
const LENGTH = { penalty: 1e-4, rounds: 300 };
/** Terms of fewer training prompts are left out. */
const MIN_PROMPTS = 2;

/** TF-IDF and length gates with the scores of `prompts`. */
export function textGates(training: readonly LabelledText[], prompts: readonly LabPrompt[]): Gate[] {
  const labels = training.map(({ isHarmful }) => isHarmful);
  const texts = training.map(({ text }) => text);
  const vectorise = tfIdf(texts);
  const rows = texts.map(vectorise.row);
  const words = fitLogistic(rows, labels, { width: vectorise.width, ...TF_IDF });
  const lengths = fitLogistic(texts.map(lengthRow), labels, { width: 2, ...LENGTH });
  const scored = (score: (text: string) => number): Map<string, number> =>
    new Map(prompts.map(({ id, text }) => [id, score(text)]));
  return [
    { name: "tf-idf", reads: "text", scores: scored((text) => scoreOf(words, vectorise.row(text))) },
    { name: "length", reads: "text", scores: scored((text) => scoreOf(lengths, lengthRow(text))) },
  ];
}

/** Words and characters on a logarithmic scale, so that one long prompt decides nothing. */
function lengthRow(text: string): SparseRow {
  return denseRow([Math.log(1 + text.split(/\s+/).length) - 2.5, Math.log(1 + text.length) - 4]);
}

/** Vocabulary of a set of texts, and unit-length TF-IDF rows over it: tf · (1 + ln((1 + N) / (1 + df))). */
export function tfIdf(texts: readonly string[]): {
  readonly width: number;
  row(text: string): SparseRow;
} {
  const counts = new Map<string, number>();
  for (const text of texts)
    for (const term of new Set(termsOf(text))) counts.set(term, (counts.get(term) ?? 0) + 1);
  const kept = [...counts].filter(([, count]) => count >= MIN_PROMPTS);
  const index = new Map(kept.map(([term], at) => [term, at]));
  const weights = kept.map(([, count]) => 1 + Math.log((1 + texts.length) / (1 + count)));
  const row = (text: string): SparseRow => {
    const found = new Map<number, number>();
    for (const term of termsOf(text)) {
      const at = index.get(term);
      if (at !== undefined) found.set(at, (found.get(at) ?? 0) + weights[at]!);
    }
    const norm = Math.hypot(...found.values()) || 1;
    return { at: [...found.keys()], values: [...found.values()].map((value) => value / norm) };
  };
  return { width: index.size, row };
}

function termsOf(text: string): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
  return [...words, ...words.slice(1).map((word, at) => `${words[at]} ${word}`)];
}
