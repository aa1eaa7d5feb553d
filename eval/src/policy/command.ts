/**
 * `npm run eval -- policy FOLDER`: fits the table of `auto` on the samples of a run, says by cross-validation whether it pays,
 * and stores it. The probes of `auto` are the first candidates of the run's own searches: same seed, same noise streams.
 */
import { join } from "node:path";
import type { Command } from "commander";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import type { VerifierSource } from "../arms.ts";
import { openJournal } from "../journal.ts";
import { integerIn } from "../options.ts";
import { percent } from "../report/text.ts";
import { type Record, type SearchRecord } from "../sample.ts";
import { openServices, type ServicesOptions } from "../services.ts";
import type { Interval } from "../statistics.ts";
import { crossValidate, fitTable, type PolicyReport, type Tried } from "./fit.ts";

interface PolicyOptions extends ServicesOptions {
  readonly verifier: VerifierSource;
  readonly candidates: number;
  readonly bins: number;
  readonly store?: string;
}

/** The strategy whose candidates are `auto`'s probes, with their scores. */
const PROBING = "best-of-n";

/** Adds the command. */
export function addPolicyFit(program: Command): void {
  program
    .command("policy")
    .description("fit the table of `auto` on the samples of a run")
    .argument("<folder>", "output folder of `eval scaling` on train or dev problems")
    .option("--verifier <source>", "verifier of the arms", "mean_logprob")
    .option("--candidates <n>", "candidates of the arms, and probes", integerIn(1, 64), 4)
    .option("--bins <n>", "bins of difficulty", integerIn(1, 16), 2)
    .option("--store <name>", "store the table under this name")
    .option("--address <host:port>", "gRPC address of a running gateway, to store it there")
    .option("--threads <n>", "compute threads", integerIn(1, 16), 1)
    .action(fit);
}

async function fit(folder: string, options: PolicyOptions): Promise<void> {
  const journal = openJournal<Record>(join(folder, "samples.jsonl"));
  const tried = triedProblems([...journal.records.values()], options);
  journal.close();
  const { bins, candidates, store } = options;
  const table = fitTable(tried, bins);
  const report = crossValidate(tried, bins);
  process.stdout.write(
    `${[...reportLines(report), JSON.stringify({ probes: candidates, table })].join("\n")}\n`,
  );
  if (store === undefined) return;
  const services = await openServices(options);
  try {
    const [model] = (await services.gateway.listModels({})).models;
    const modelDigest = model?.digest ?? "";
    const data = new TextEncoder().encode(JSON.stringify({ modelDigest, probes: candidates, table, report }));
    const put = { name: store, kind: ArtifactKind.POLICY, data, modelDigest };
    const { artifact } = await services.gateway.putArtifact({ put });
    process.stdout.write(`stored: ${artifact?.name}@${artifact?.digest}\n`);
  } finally {
    await services.close();
  }
}

/** Problems that every arm with the verifier was run on. */
function triedProblems(records: readonly Record[], { verifier, candidates }: PolicyOptions): Tried[] {
  const ending = `/${verifier}/${candidates}`;
  const searches = records.filter(
    (record): record is SearchRecord => record.kind === "search" && record.arm.endsWith(ending),
  );
  const arms = new Set(searches.map(({ arm }) => arm));
  return [...Map.groupBy(searches, ({ problem }) => problem)].flatMap(([id, found]) => {
    const probing = found.find(({ arm }) => arm === PROBING + ending);
    if (found.length < arms.size || probing === undefined) return [];
    const scores = probing.candidates.map(({ score }) => score ?? 0);
    const difficulty = 1 - scores.reduce((sum, score) => sum + score, 0) / scores.length;
    return [
      { id, difficulty, right: new Map(found.map(({ arm, right }) => [arm.split("/")[0] ?? "", right])) },
    ];
  });
}

function reportLines({ n, accuracy, single, shuffled, overSingle, overShuffled }: PolicyReport): string[] {
  const points = ({ mean, lower, upper }: Interval): string =>
    `${(100 * mean).toFixed(1)} points [${(100 * lower).toFixed(1)}, ${(100 * upper).toFixed(1)}]`;
  return [
    `on folds not fitted (n = ${n}): policy ${percent(accuracy)}, best single strategy ${percent(single)}, ` +
      `difficulties exchanged ${percent(shuffled)}`,
    `policy over single ${points(overSingle)}, over exchanged ${points(overShuffled)}`,
  ];
}
