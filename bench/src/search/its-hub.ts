/**
 * Particle filtering served by us beside its_hub doing it over our OpenAI endpoint: same problems, algorithm, particles,
 * temperature and exact verifier, one problem each in turn. And both sides' choices among the same sampled answers.
 */
import { type BenchRow, rowAlone, rowOf } from "../rows.ts";
import { CANDIDATES, keyOf, type SearchBench, TEMPERATURE } from "./bench.ts";
import { countUsage } from "./counting.ts";
import { type Asking, bestOfN, majority, particleFilter } from "./ours.ts";
import { drawSums, type Sum } from "./problems.ts";
import { type ItsHub, startItsHub } from "./python.ts";

/** Rows: wall time, prefilled and generated tokens, and how often the same answers led to the same choice. */
export async function besideItsHub(bench: SearchBench): Promise<BenchRow[]> {
  const hub = startItsHub();
  const counted = countUsage(bench.gateway.url);
  try {
    const sums = drawSums(bench.problems + 1);
    const peer = `its_hub ${hub.version}`;
    const wall: Sides = { ours: [], theirs: [] };
    const prefilled: Sides = { ours: [], theirs: [] };
    const generated: Sides = { ours: [], theirs: [] };
    for (const [seed, sum] of sums.entries()) {
      const ours = await particleFilter(askingOf(bench, seed), sum);
      const before = { ...counted.sums };
      const { seconds } = await hub.ask({
        ...{ do: "filter", url: counted.url, model: bench.model, temperature: TEMPERATURE },
        ...{ ...sum, particles: CANDIDATES },
      });
      // The first warms both sides.
      if (seed === 0) continue;
      wall.ours.push(ours.wallMs);
      wall.theirs.push(1000 * Number(seconds));
      prefilled.ours.push(ours.prefilled);
      prefilled.theirs.push(counted.sums.prefilled - before.prefilled);
      generated.ours.push(ours.generated);
      generated.theirs.push(counted.sums.generated - before.generated);
    }
    const same = await replay(bench, hub, sums.slice(1));
    return [
      rowOf(keyOf(bench, "search-wall", peer), "ms a problem", wall.ours, wall.theirs),
      rowOf(keyOf(bench, "search-prefilled", peer), "tokens a problem", prefilled.ours, prefilled.theirs),
      rowOf(keyOf(bench, "search-generated", peer), "tokens a problem", generated.ours, generated.theirs),
      rowAlone(keyOf(bench, "search-same-choice", peer), "share of replays", [same.share], same.what),
    ];
  } finally {
    hub.close();
    counted.close();
  }
}

interface Sides {
  readonly ours: number[];
  readonly theirs: number[];
}

const askingOf = ({ gateway, model }: SearchBench, seed: number): Asking => ({
  ...{ url: gateway.url, model, candidates: CANDIDATES, temperature: TEMPERATURE, seed },
});

/** Our samples and scores, chosen among by both: best of N, and the majority where it is alone. */
async function replay(bench: SearchBench, hub: ItsHub, sums: readonly Sum[]) {
  let same = 0;
  let compared = 0;
  for (const [seed, sum] of sums.entries()) {
    const best = await bestOfN(askingOf(bench, seed), sum);
    const voted = await majority(askingOf(bench, seed), sum);
    const { texts, scores, answers } = best;
    const theirs = await hub.ask({ do: "choose", texts, scores, answers });
    compared++;
    if (texts[Number(theirs.best)] === best.chosen) same++;
    if (!isAlone(answers)) continue;
    compared++;
    if (theirs.voted === answers[texts.indexOf(voted.chosen)]) same++;
  }
  return { share: same / compared, what: `${same} of ${compared} choices, best of N and majorities` };
}

/** True if one answer has more votes than any other: its_hub draws among equals. */
function isAlone(answers: readonly string[]): boolean {
  const counts = [...Map.groupBy(answers, (answer) => answer).values()].map(({ length }) => length);
  const most = Math.max(...counts);
  return counts.filter((count) => count === most).length === 1 && !answers.includes("");
}
