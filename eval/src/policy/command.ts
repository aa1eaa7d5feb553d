/**
 * `npm run eval -- policy FOLDER`: fits the table of `auto` on the samples of a run, says by cross-validation whether it pays,
 * and stores it. `--test` says what it is worth on problems that were neither fitted nor chosen on.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { integerIn } from "#kit/option-values.ts";
import { openJournal } from "../journal.ts";
import { percent } from "../report/text.ts";
import type { Record } from "../sample.ts";
import { openServices, type ServicesOptions } from "../services.ts";
import type { Interval } from "../statistics.ts";
import { crossValidate, evaluatePolicy, fitTable, type PolicyReport } from "./fit.ts";
import { modelOf, type PolicySetting, triedProblems } from "./tried.ts";

interface PolicyOptions extends ServicesOptions, PolicySetting {
  readonly bins: number;
  readonly test?: string;
  readonly json?: string;
  readonly store?: string;
}

/** Adds the command. */
export function addPolicyFit(program: Command): void {
  program
    .command("policy")
    .description("fit the table of `auto` on the samples of a run")
    .argument("<folder>", "output folder of `eval scaling --replay` on train or dev problems")
    .option("--verifier <source>", "verifier of the strategies: mean_logprob or outcome", "mean_logprob")
    .option("--probes <n>", "probes of `auto`", integerIn(1, 64), 2)
    .option("--candidates <n>", "candidates of the strategy it chooses", integerIn(1, 64), 4)
    .option("--bins <n>", "bins of difficulty", integerIn(1, 16), 2)
    .option("--test <folder>", "output folder of a run on problems that report: says what the table is worth")
    .option("--json <file>", "write what it is worth")
    .option("--store <name>", "store the table under this name")
    .option("--address <host:port>", "gRPC address of a running gateway, to store it there")
    .option("--threads <n>", "compute threads", integerIn(1, 16), 1)
    .action(fit);
}

async function fit(folder: string, options: PolicyOptions): Promise<void> {
  const { bins, probes, candidates, verifier, store, test, json } = options;
  const records = readRecords(folder);
  const tried = triedProblems(records, options);
  const table = fitTable(tried, bins);
  const report = crossValidate(tried, bins);
  const onTest =
    test === undefined ? undefined : evaluatePolicy(tried, triedProblems(readRecords(test), options), bins);
  const lines = [
    ...reportLines("on folds not fitted", report),
    ...(onTest ? reportLines("on test", onTest) : []),
    JSON.stringify({ probes, table }),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  if (json !== undefined) {
    const result = { verifier, probes, candidates, bins, table, crossValidated: report, test: onTest };
    writeFileSync(json, `${JSON.stringify(result, null, 2)}\n`);
  }
  if (store === undefined) return;
  const services = await openServices(options);
  try {
    const name = modelOf(records);
    const model = (await services.gateway.listModels({})).models.find((one) => one.name === name);
    if (model === undefined) throw new Error(`${name}, whose samples these are, is not served`);
    const modelDigest = model.digest;
    const data = new TextEncoder().encode(JSON.stringify({ modelDigest, probes, table, report }));
    const put = { name: store, kind: ArtifactKind.POLICY, data, modelDigest };
    const { artifact } = await services.gateway.putArtifact({ put });
    process.stdout.write(`stored: ${artifact?.name}@${artifact?.digest}\n`);
  } finally {
    await services.close();
  }
}

function readRecords(folder: string): readonly Record[] {
  const journal = openJournal<Record>(join(folder, "samples.jsonl"));
  journal.close();
  return [...journal.records.values()];
}

function reportLines(on: string, report: PolicyReport): string[] {
  const { n, accuracy, tokens, single, shuffled, overSingle, overShuffled } = report;
  const points = ({ mean, lower, upper }: Interval): string =>
    `${(100 * mean).toFixed(1)} points [${(100 * lower).toFixed(1)}, ${(100 * upper).toFixed(1)}]`;
  return [
    `${on} (n = ${n}): policy ${percent(accuracy)} at ${tokens.toFixed(0)} tokens, best single strategy ` +
      `(${single.strategy}) ${percent(single.accuracy)} at ${single.tokens.toFixed(0)}, ` +
      `difficulties exchanged ${percent(shuffled)}`,
    `policy over single ${points(overSingle)}, over exchanged ${points(overShuffled)}`,
  ];
}
