/**
 * `npm run eval -- coherence`: curves of coherence against dose, for turning rows in a plane and for adding its first vector, at the
 * same places (both norms of every block, from the last prompt token on); and both in a random plane. A dose is what the engine
 * measured of the change, ‖Δ‖/‖h‖; coherence is the perplexity of fixed passages, steered over unsteered.
 * The plane is the one Angular Steering fits to the recipe's prompts. Cost: the passages once a point, a few tokens for the dose.
 */
import { writeFileSync } from "node:fs";
import * as Plot from "@observablehq/plot";
import type { Command } from "commander";
import { integerIn } from "#kit/option-values.ts";
import { addServicesOptions } from "../options.ts";
import { alignColumns } from "../report/columns.ts";
import { draw } from "../report/charts.ts";
import { openServices, pickModel, type Services, type ServicesOptions } from "../services.ts";
import { BROKEN, breakingDose, type CurvePoint } from "./breaking.ts";
import { natsOfAnswer, type Passage } from "./degradation.ts";
import { planeEdits } from "./plane-edits.ts";
import { questionOf, type Use } from "./method.ts";
import { readPassages } from "./training.ts";

/** A point of a curve with its names. */
export interface NamedPoint extends CurvePoint {
  readonly curve: string;
  /** What the request asked for: radians, or the share of the median row's norm. */
  readonly scale: number;
}

interface CoherenceOptions extends ServicesOptions {
  readonly json?: string;
  readonly svg?: string;
  readonly recipe: string;
  readonly served?: string;
  readonly passages: number;
}

const PROOF_TOKENS = 4;
const TIMEOUT_MS = 600_000;

/** Adds the command. */
export function addCoherence(program: Command): void {
  const command = program
    .command("coherence")
    .description("coherence against dose: turning rows beside adding to them")
    .option("--json <file>", "write the points as JSON")
    .option("--svg <file>", "draw the curves")
    .option("--recipe <name>", "recipe whose prompts make the plane", "refusal")
    .option("--served <name>", "name of the served model; the first one if it is left out")
    .option("--passages <n>", "passages that are read", integerIn(1, 64), 6);
  addServicesOptions(command).action(measure);
}

async function measure(options: CoherenceOptions): Promise<void> {
  const services = await openServices(options);
  try {
    const model = pickModel((await services.gateway.listModels({})).models, options.served);
    const passages = readPassages(options.recipe).slice(0, options.passages);
    const base = await natsOf(services, model.name, passages, undefined);
    const points: NamedPoint[] = [];
    for (const edit of await planeEdits({ ...services, model, recipe: options.recipe })) {
      for (const scale of edit.scales) {
        const use: Use = { direction: edit.artifact, scale };
        const { nats, tokens } = await natsOf(services, model.name, passages, use);
        const dose = await doseOf(services, model.name, passages[0]!, use);
        const perplexityRatio = Math.exp((nats - base.nats) / tokens);
        points.push({ curve: edit.name, scale, dose, perplexityRatio });
        process.stderr.write(
          `${edit.name} ${scale}: ‖Δ‖/‖h‖ ${dose.toFixed(3)}, ${perplexityRatio.toFixed(2)}\n`,
        );
      }
    }
    if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ points }, null, 2)}\n`);
    if (options.svg !== undefined) writeFileSync(options.svg, coherenceChart(points));
    process.stdout.write(`${coherenceLines(points).join("\n")}\n`);
  } finally {
    await services.close();
  }
}

async function natsOf(
  { gateway }: Services,
  model: string,
  passages: readonly Passage[],
  use: Use | undefined,
) {
  let [nats, tokens] = [0, 0];
  for (const { request, text } of passages) {
    const asked = { model, conversation: questionOf(request).prompt.value, answers: [text] };
    const scored = await gateway.score(
      { ...asked, ...(use && { steering: use }) },
      { timeoutMs: TIMEOUT_MS },
    );
    const [answer] = scored.answers;
    nats += natsOfAnswer(answer, text).nats;
    tokens += answer?.tokens.length ?? 0;
  }
  return { nats, tokens };
}

/** Mean ‖Δ‖/‖h‖ over the rows that were changed while a few tokens were generated. */
async function doseOf({ gateway }: Services, model: string, { request }: Passage, use: Use): Promise<number> {
  const spec = {
    ...{ ...questionOf(request), model, maxTokens: PROOF_TOKENS, sampling: { temperature: 0 } },
    steering: { use, proof: true },
  };
  const { choices } = await gateway.complete({ spec }, { timeoutMs: TIMEOUT_MS });
  const proof = choices[0]?.finished?.proof ?? [];
  const rows = proof.reduce((sum, each) => sum + each.rows, 0);
  return proof.reduce((sum, each) => sum + each.rows * each.meanRelativeChange, 0) / Math.max(1, rows);
}

/** The points and where each curve breaks. */
function coherenceLines(points: readonly NamedPoint[]): string[] {
  const head = ["curve", "scale", "‖Δ‖/‖h‖", "perplexity ratio"];
  const cells = points.map(({ curve, scale, dose, perplexityRatio }) => [
    ...[curve, String(scale), dose.toFixed(3), perplexityRatio.toFixed(2)],
  ]);
  const curves = Map.groupBy(points, ({ curve }) => curve);
  const breaks = [...curves].map(([curve, own]) => {
    const most = Math.max(...own.map(({ dose }) => dose));
    const dose = breakingDose(own);
    return dose === undefined
      ? `${curve}: perplexity stays below ${BROKEN} times its own up to ‖Δ‖/‖h‖ ${most.toFixed(2)}`
      : `${curve}: perplexity reaches ${BROKEN} times its own at ‖Δ‖/‖h‖ ${dose.toFixed(3)}`;
  });
  return [...alignColumns([head, ...cells]), "", ...breaks];
}

/** The curves as SVG. */
function coherenceChart(points: readonly NamedPoint[]): string {
  return draw({
    height: 440,
    color: { legend: false, scheme: "tableau10" },
    x: { label: "‖Δ‖/‖h‖ as measured", type: "log", grid: true },
    y: { label: "perplexity of fixed text, steered over unsteered", type: "log", grid: true },
    marks: [
      Plot.ruleY([BROKEN], { strokeDasharray: "4 3", stroke: "#777" }),
      Plot.line(points, { x: "dose", y: "perplexityRatio", stroke: "curve" }),
      Plot.dot(points, { x: "dose", y: "perplexityRatio", fill: "curve", r: 3 }),
      Plot.text(
        points,
        Plot.selectLast({
          x: "dose",
          y: "perplexityRatio",
          text: "curve",
          z: "curve",
          dx: -6,
          dy: -8,
          textAnchor: "end",
        }),
      ),
    ],
  });
}
