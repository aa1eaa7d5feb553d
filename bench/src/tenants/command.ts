/**
 * `bench tenants`: whether the time to the first token tells a key what another key has asked. Prompts that another key has just
 * sent and prompts that nobody has are sent in random order; prompts the key itself has sent show that a difference would be seen.
 */
import type { Command } from "commander";
import { describeMachine } from "../machine.ts";
import { modelOption } from "../model-option.ts";
import { sendRequest, type Target } from "../load/one-request.ts";
import { targetOf } from "../load/target.ts";
import { startGateway } from "../ours/gateway.ts";
import { createRandom, shuffled } from "../random.ts";
import { median } from "../rows.ts";
import { compareDistributions } from "./same-distribution.ts";

interface TenantOptions {
  readonly model: string;
  readonly threads: string;
  readonly samples: string;
}

const SAMPLES = 200;
/** Less than this, and the times do tell. */
const LEAST_P = 0.01;
const SEED = 23;
/** Both may do everything; each is a caller of its own. */
const KEYS = { asker: "bench-asker", other: "bench-other" };
const PLACES = ["harbour", "meadow", "valley", "market", "station", "library", "island", "bridge"];

/** What was sent before: by another key, by nobody, by the key itself. */
const KINDS = ["others", "unknown", "own"] as const;
type Kind = (typeof KINDS)[number];

/** Adds the command. */
export function addTenantBench(program: Command): void {
  program
    .command("tenants")
    .description("whether times to the first token tell what another key has asked")
    .addOption(modelOption())
    .option("--threads <n>", "compute threads, or auto", "auto")
    .option("--samples <n>", "prompts of each kind", String(SAMPLES))
    .action(run);
}

async function run({ model, threads, samples }: TenantOptions): Promise<void> {
  const machine = await describeMachine();
  process.env["TRIMTAB_API_KEY"] = Object.values(KEYS).join(" ");
  const gateway = await startGateway(model, threads);
  try {
    const target = await targetOf(gateway);
    const times = await timeKinds(target, Number(samples));
    const { p, distance } = compareDistributions(times.others, times.unknown);
    const control = compareDistributions(times.own, times.unknown);
    const medians = KINDS.map((kind) => `${kind} ${median(times[kind]).toFixed(1)}`).join(", ");
    process.stdout.write(
      `${machine.cpu}, load ${machine.load.toFixed(1)}, ${samples} prompts of each kind, seed ${SEED}\n` +
        `first token, median ms: ${medians}\n` +
        `own beside unknown: distance ${control.distance.toFixed(3)}, p ${control.p.toExponential(1)} (a difference is seen)\n` +
        `others' beside unknown: distance ${distance.toFixed(3)}, p ${p.toFixed(3)} (must > ${LEAST_P}): ${p > LEAST_P ? "reached" : "missed"}\n`,
    );
  } finally {
    await gateway.close();
  }
}

async function timeKinds(target: Target, samples: number): Promise<Record<Kind, number[]>> {
  const random = createRandom(SEED);
  const times: Record<Kind, number[]> = { others: [], unknown: [], own: [] };
  const ask = async (key: string, content: string): Promise<number> => {
    const seen = await sendRequest({ ...target, key }, { content, maxTokens: 1 });
    if (seen.kind !== "answered") throw new Error(`not answered: ${JSON.stringify(seen)}`);
    return seen.firstMs;
  };
  let prompts = 0;
  // The number comes first, so that no two prompts have a page in common.
  const next = (): string =>
    `${prompts++}. ${shuffled(PLACES, random).join(", ")}: which of these have you been to, and why there? `.repeat(
      2,
    );
  for (let sample = 0; sample < samples; sample++) {
    const [others, unknown, own] = [next(), next(), next()];
    await ask(KEYS.other, others);
    await ask(KEYS.asker, own);
    const contents = { others, unknown, own };
    for (const kind of shuffled(KINDS, random)) {
      const ms = await ask(KEYS.asker, contents[kind]);
      times[kind].push(ms);
    }
  }
  return times;
}
