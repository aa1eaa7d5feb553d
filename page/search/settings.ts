/** What to search for and how, kept in the browser. */
import { storedWords } from "../lib/stored.ts";

/** Settings of a first visit. */
export const DEFAULT_SEARCH = {
  question: "What is 7 + 8 - 3? Think step by step, then give the number.",
  strategy: "best-of-n",
  /** Needs no parameters, and every strategy that wants a verifier can use it. */
  verifier: "mean_logprob",
  /** JSON, as the verifier's schema wants it. */
  verifierParameters: "",
  candidates: 8,
  tokens: 2_048,
  temperature: 0.7,
  /** How candidates are drawn: "tree" or "lanes". */
  shape: "tree",
};

/** The settings of the search view. */
export const searchSettings = storedWords("search", DEFAULT_SEARCH);

/** Changes some of them. */
export function changeSearch(part: Partial<typeof searchSettings.value>): void {
  searchSettings.value = { ...searchSettings.value, ...part };
}
