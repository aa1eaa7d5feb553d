/**
 * `bench engine`: our engine beside the engines a program could use instead, in interleaved rounds, at equal threads; each
 * speed beside llama.cpp with our file and with the format it is fastest in; and what our own features cost.
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import { integerIn } from "#kit/option-values.ts";
import { describeMachine } from "./machine.ts";
import { LIMITED_METRICS, METRICS, measureModel, QUICK_METRICS } from "./measure-model.ts";
import { modelsOption } from "./model-option.ts";
import { BACKENDS, type Isa } from "./peers/llama.ts";
import { openSink } from "./sink.ts";

interface EngineBenchOptions {
  readonly quick?: boolean;
  readonly json?: string;
  readonly keep?: boolean;
  readonly resume?: boolean;
  readonly isa?: Isa;
  readonly models: readonly string[];
  readonly threads?: readonly number[];
  readonly metrics?: readonly string[];
  readonly rounds: number;
}

const ROUNDS = 5;

/** Adds the command. */
export function addEngineBench(program: Command): void {
  program
    .command("engine")
    .description("speed beside llama.cpp and other engines, interleaved in one run")
    .option(
      "--quick",
      "one thread, short turns, the metrics that have a number to reach, but branches: five minutes",
    )
    .option("--json <file>", "write the rows to a file, as they come")
    .option("--keep", "keep rows of that file that are not measured now")
    .option("--resume", "measure only what that file lacks")
    .addOption(
      new Option("--isa <name>", "llama.cpp limited to these vector instructions, and no other peer").choices(
        Object.keys(BACKENDS),
      ),
    )
    .addOption(modelsOption())
    .option("--threads <list>", "thread counts (1,2; with --quick 1)", parseCounts)
    .option("--metrics <list>", `only these of ${METRICS.join(", ")}`, parseMetrics)
    .option("--rounds <n>", "interleaved rounds", parseCount, ROUNDS)
    .action(run);
}

async function run(options: EngineBenchOptions): Promise<void> {
  const { quick = false, json } = options;
  const earlier = options.resume ? "resume" : options.keep ? "keep" : "replace";
  const machine = await describeMachine();
  const isa = options.isa
    ? `${options.isa} (llama.cpp limited to it on a host with ${machine.isa})`
    : machine.isa;
  const sink = await openSink({ ...machine, isa }, json, earlier);
  for (const modelPath of options.models) {
    for (const threads of options.threads ?? (quick ? [1] : [1, 2])) {
      await measureModel(modelPath, sink, {
        ...{ quick, threads, rounds: options.rounds },
        ...(options.isa ? { isa: options.isa } : {}),
        metrics: options.metrics ?? (options.isa ? LIMITED_METRICS : quick ? QUICK_METRICS : METRICS),
      });
    }
  }
}

const splitList = (text: string): string[] => text.split(",").map((part) => part.trim());

function parseMetrics(text: string): string[] {
  const names = splitList(text);
  const unknown = names.find((name) => !METRICS.includes(name));
  if (unknown === undefined) return names;
  throw new InvalidArgumentError(`${unknown} is none of ${METRICS.join(", ")}`);
}

const parseCount = integerIn(1, 9_999);

const parseCounts = (text: string): number[] => splitList(text).map(parseCount);
