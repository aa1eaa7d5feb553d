/** A search within a search: what is left for the strategy that another one hands over to. */
import type { Search } from "./strategy.ts";

/** The same search with fewer candidates; `onStep` is told of each step that the budget allowed as a whole. */
export function narrowed(search: Search, width: number, onStep: () => void): Search {
  return {
    width,
    isBounded: search.isBounded,
    root: search.root,
    random: search.random,
    fork: (parents) => search.fork(parents),
    async step(candidates, stride, options) {
      const isWhole = await search.step(candidates, stride, options);
      if (isWhole) onStep();
      return isWhole;
    },
    score: (candidates, judging) => search.score(candidates, judging),
    baseLogprobs: (candidates) => search.baseLogprobs(candidates),
    judges: (judging) => search.judges(judging),
    drop: (candidates) => search.drop(candidates),
    answer: (candidate) => search.answer(candidate),
    revise: (attempts, request) => search.revise(attempts, request),
  };
}
