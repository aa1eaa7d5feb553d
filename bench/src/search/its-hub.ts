/**
 * Particle filtering served by us beside its_hub doing it over our OpenAI endpoint: same problems, algorithm, particles,
 * temperature and exact verifier, one problem each in turn. And both sides' choices among the same sampled answers.
 */
import { onlyChild, processorSeconds } from "../ours/processes.ts";
import { type BenchRow, rowAlone, rowOf } from "../rows.ts";
import { CANDIDATES, keyOf, type SearchBench, TEMPERATURE } from "./bench.ts";
import { type Counted, countUsage } from "./counting.ts";
import { type Asking, bestOfN, majority, particleFilter } from "./ours.ts";
import { drawSums, type Sum } from "./problems.ts";
import { type ItsHub, startItsHub } from "./python.ts";

/**
 * Rows: wall time, of a problem and of a token (each side draws its own answers, long and short); the engine's part of it; prefilled and
 * generated tokens; and how often the same answers led to the same choice.
 */
export async function besideItsHub(bench: SearchBench): Promise<BenchRow[]> {
  const hub = startItsHub();
  const counted = countUsage(bench.gateway.url);
  try {
    const sums = drawSums(bench.problems + 1);
    const measured = await searchInTurn(bench, hub, counted, sums);
    const same = await replay(bench, hub, sums.slice(1));
    const peer = `its_hub ${hub.version}`;
    return [
      ...Object.entries(UNITS).map(([metric, unit]) => {
        const { ours, theirs } = measured[metric as Metric];
        return rowOf(keyOf(bench, metric, peer), unit, ours, theirs);
      }),
      rowAlone(keyOf(bench, "search-same-choice", peer), "share of replays", [same.share], same.what),
    ];
  } finally {
    hub.close();
    counted.close();
  }
}

const UNITS = {
  "search-wall": "ms a problem",
  "search-wall-token": "ms a generated token",
  "search-engine": "ms of the engine's processor time a problem",
  "search-prefilled": "tokens a problem",
  "search-generated": "tokens a problem",
} as const;
type Metric = keyof typeof UNITS;

/** Each sum on both sides, one after the other; the first one warms both and is not counted. Linux only. */
async function searchInTurn(
  bench: SearchBench,
  hub: ItsHub,
  counted: Counted,
  sums: readonly Sum[],
): Promise<Record<Metric, Sides>> {
  const forward = await onlyChild(bench.gateway.pid);
  const engineMs = async () => 1000 * (await processorSeconds(forward));
  const none = (): Sides => ({ ours: [], theirs: [] });
  const measured = Object.fromEntries(Object.keys(UNITS).map((name) => [name, none()])) as Record<
    Metric,
    Sides
  >;
  for (const [seed, sum] of sums.entries()) {
    const began = await engineMs();
    const ours = await particleFilter(askingOf(bench, seed), sum);
    const between = await engineMs();
    const before = { ...counted.sums };
    const { seconds } = await hub.ask({
      ...{ do: "filter", url: counted.url, model: bench.model, temperature: TEMPERATURE },
      ...{ ...sum, particles: CANDIDATES },
    });
    const ended = await engineMs();
    if (seed === 0) continue;
    const add = (metric: Metric, our: number, their: number): void => {
      measured[metric].ours.push(our);
      measured[metric].theirs.push(their);
    };
    const theirMs = 1_000 * Number(seconds);
    const theirTokens = counted.sums.generated - before.generated;
    add("search-wall", ours.wallMs, theirMs);
    add("search-wall-token", ours.wallMs / ours.generated, theirMs / theirTokens);
    add("search-engine", between - began, ended - between);
    add("search-prefilled", ours.prefilled, counted.sums.prefilled - before.prefilled);
    add("search-generated", ours.generated, theirTokens);
  }
  return measured;
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
