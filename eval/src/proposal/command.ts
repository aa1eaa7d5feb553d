/** `npm run eval -- proposal`: what steering as a proposal costs and saves, dose by dose, where the law is known. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Command } from "commander";
import { integerIn } from "#kit/option-values.ts";
import { openJournal, recordOf } from "../journal.ts";
import { alignColumns } from "../report/columns.ts";
import { writeTable } from "../results/kept.ts";
import { openServices, type ServicesOptions } from "../services.ts";
import { estimateOf, type ProposalEstimate } from "./estimate.ts";
import { enumerateLaw, GREETING, type Law, propose, type ProposedRecord, storeDirection } from "./sample.ts";

interface ProposalOptions extends ServicesOptions {
  readonly doses: string;
  readonly searches: number;
  readonly candidates: number;
  readonly out: string;
  readonly keep?: string;
}

/** Named after its texts: a stored name keeps what it stands for. */
const DIRECTION = `eval-proposal-${createHash("sha256").update(JSON.stringify(GREETING)).digest("hex").slice(0, 8)}`;

/** Adds the command. */
export function addProposalEval(program: Command): void {
  program
    .command("proposal")
    .description(
      "steering as a proposal: variance, bias and tokens by dose, beside rejection and unsteered search",
    )
    .option("--doses <list>", "relative doses; 0 is the unsteered model", "0,0.005,0.01,0.015,0.02,0.03")
    .option("--searches <n>", "searches a dose", integerIn(2, 10_000), 60)
    .option("--candidates <n>", "candidates of a search", integerIn(2, 256), 16)
    .option("--out <folder>", "raw samples", join("build", "eval", "proposal"))
    .option("--keep <name>", "keep the table under eval/results, for the page about searches")
    .option("--address <host:port>", "gRPC address of a running gateway")
    .option("--threads <n>", "compute threads", integerIn(1, 16), 1)
    .action(evaluate);
}

async function evaluate(options: ProposalOptions): Promise<void> {
  const services = await openServices(options);
  const journal = openJournal<ProposedRecord>(join(options.out, "samples.jsonl"));
  try {
    const [model] = (await services.gateway.listModels({})).models;
    const digest = await storeDirection(services, GREETING, DIRECTION, model?.digest ?? "");
    const known = await enumerateLaw(services, GREETING);
    const rows = [rejectionOf(known)];
    for (const dose of options.doses.split(",").map(Number)) {
      const records: ProposedRecord[] = [];
      for (let seed = 1; seed <= options.searches; seed++) {
        const { candidates } = options;
        const key = [model?.digest, digest, dose, candidates, seed].join("/");
        const asked = { direction: DIRECTION, dose, candidates, seed };
        const make = async () => ({ key, ...(await propose(services, GREETING, known.law.keys(), asked)) });
        records.push(await recordOf(journal, key, make));
      }
      rows.push(rowOf(dose, estimateOf(records, known.law), options.candidates));
    }
    report(options, known, rows);
  } finally {
    journal.close();
    await services.close();
  }
}

function report({ keep }: ProposalOptions, { law, chance }: Law, rows: readonly string[][]): void {
  const shares = [...law].map(([text, p]) => `${JSON.stringify(text)} ${p.toFixed(3)}`).join(", ");
  const lines = [
    `chance of the condition ${chance.toExponential(2)}; law: ${shares}`,
    ...alignColumns([HEAD, ...rows]),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  if (keep !== undefined) writeTable(keep, { head: HEAD, rows });
}

const HEAD = [
  ...["dose", "wanted", "effective sample size", "variance", "bias", "bias by chance"],
  ...["chosen off by", "off by chance"],
  ...["tokens for a wanted answer", "searches"],
];

/** What it takes to draw from the unsteered model until a wanted answer comes. */
const rejectionOf = ({ chance }: Law): string[] => [
  ...["rejection", `${(100 * chance).toFixed(1)} %`, "", "", "", "", "", ""],
  ...[(GREETING.tokens / chance).toFixed(0), ""],
];

const rowOf = (dose: number, estimate: ProposalEstimate, candidates: number): string[] => [
  ...[String(dose), `${(100 * estimate.wanted).toFixed(1)} %`],
  `${spell(estimate.effectiveSampleSize, 2)} of ${candidates}`,
  ...[estimate.variance, estimate.bias, estimate.biasByChance].map((value) => spell(value, 3)),
  ...[estimate.farChosen, estimate.farByChance].map((value) => spell(value, 3)),
  ...[spell(estimate.tokensPerWanted, 0), String(estimate.n)],
];

/** What no search can say, as none met the condition, or only one did. */
const NOTHING = "–";
const spell = (value: number, digits: number): string =>
  Number.isFinite(value) ? value.toFixed(digits) : NOTHING;
