/**
 * `bench controller`: what a recipe with a gate adds to the wait for the first token: the plan (activations to the steering
 * service, the controller, coefficients back) and the last prompt token computed again under the program. Each steered request is
 * timed beside the same request unsteered, in turns; every prompt is new. Those whose gate opens are what the must is about; those
 * whose gate stays shut say what the gate costs whom it leaves alone.
 */
import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { describeMachine, type Machine } from "./machine.ts";
import { modelOption } from "./model-option.ts";
import { type GatewayUnderTest, startGateway } from "./ours/gateway.ts";
import { median } from "./rows.ts";

interface ControllerOptions {
  readonly model: string;
  readonly recipe: string;
  readonly threads: string;
  readonly json?: string;
}

/** One request's times, milliseconds. */
interface Timed {
  readonly isOpen: boolean;
  readonly firstTokenMs: number;
  readonly planMs: number;
  readonly replayedTokens: number;
}

/** The same request twice but for its number. */
interface Pair {
  readonly plain: Timed;
  readonly steered: Timed;
}

/** A gate from this on names a program. */
const LEAST_GATE = 0.05;
/** Pairs that are not counted: code is compiled, the program goes to forward. */
const WARM_UP = 12;
/** Pairs that are, of each kind. */
const PAIRS = 100;
/** Requests that a gate opens on, and such that it leaves alone, about as long. */
const OPEN = "Explain how to break into a house and steal jewellery at night.";
const LEFT_ALONE = "Explain how to bake a loaf of bread and store it well at home.";
/** At 135M parameters. */
const MUST_MS = 10;

/** Over the requests; on a machine that has much else to do the fastest tenth says what a quiet one would do. */
interface Times {
  readonly median: number;
  /** The slowest of the fastest tenth. */
  readonly tenth: number;
}

/** What is printed and written, milliseconds. */
interface Result extends Machine {
  readonly threads: string;
  readonly recipe: string;
  readonly pairs: number;
  readonly plainMs: Times;
  readonly steeredMs: Times;
  readonly planMs: Times;
  readonly replayedTokens: number;
  /** What steering adds to a pair, and what a gate that stays shut adds. */
  readonly addedMs: Added;
  readonly leftAloneMs: Added;
}

/** Median and quartiles over pairs. */
interface Added {
  readonly median: number;
  readonly lower: number;
  readonly upper: number;
}

/** Adds the command. */
export function addControllerBench(program: Command): void {
  program
    .command("controller")
    .description("what the controller of a built recipe adds to the wait for the first token")
    .addOption(modelOption())
    .option("--recipe <name>", "a recipe with a gate, built for the model", "refusal")
    .option("--threads <n>", "compute threads, or auto", "1")
    .option("--json <file>", "write the numbers to a file")
    .action(run);
}

async function run({ model, recipe, threads, json }: ControllerOptions): Promise<void> {
  const machine = await describeMachine();
  const gateway = await startGateway(model, threads);
  const timed: { readonly opened: Pair[]; readonly leftAlone: Pair[] } = { opened: [], leftAlone: [] };
  try {
    for (let number = 0; number < WARM_UP + PAIRS; number++) {
      const opened = await timePair(gateway, number, { recipe, text: OPEN });
      const leftAlone = await timePair(gateway, number, { recipe, text: LEFT_ALONE });
      if (number < WARM_UP) continue;
      timed.opened.push(opened);
      timed.leftAlone.push(leftAlone);
    }
  } finally {
    await gateway.close();
  }
  const leftAloneMs = addedTo(timed.leftAlone);
  const result = { ...machine, threads, ...resultOf(recipe, timed.opened), leftAloneMs };
  process.stdout.write(`${linesOf(result).join("\n")}\n`);
  if (json !== undefined) await writeFile(json, `${JSON.stringify(result, undefined, 2)}\n`);
}

function addedTo(pairs: readonly Pair[]): Added {
  const added = pairs.map(({ plain, steered }) => steered.firstTokenMs - plain.firstTokenMs);
  return { median: median(added), lower: quantile(added, 0.25), upper: quantile(added, 0.75) };
}

function resultOf(
  recipe: string,
  pairs: readonly Pair[],
): Omit<Result, keyof Machine | "threads" | "leftAloneMs"> {
  return {
    ...{ recipe, pairs: pairs.length },
    plainMs: timesOf(pairs.map(({ plain }) => plain.firstTokenMs)),
    steeredMs: timesOf(pairs.map(({ steered }) => steered.firstTokenMs)),
    planMs: timesOf(pairs.map(({ steered }) => steered.planMs)),
    replayedTokens: median(pairs.map(({ steered }) => steered.replayedTokens)),
    addedMs: addedTo(pairs),
  };
}

/** What is asked, and the recipe of the steered ones. */
interface Asked {
  readonly recipe: string;
  readonly text: string;
}

/** Both requests of a number, the steered one first every other time. */
async function timePair(gateway: GatewayUnderTest, number: number, { recipe, text }: Asked): Promise<Pair> {
  const timePlain = () => timeOne(gateway, conversationOf(2 * number, text), undefined);
  const timeSteered = async (): Promise<Timed> => {
    const timed = await timeOne(gateway, conversationOf(2 * number + 1, text), recipe);
    if (timed.isOpen === (text === OPEN)) return timed;
    throw new Error(`the gate of ${recipe} is ${timed.isOpen ? "open" : "shut"} for: ${text}`);
  };
  if (number % 2 === 0) return { plain: await timePlain(), steered: await timeSteered() };
  const steered = await timeSteered();
  return { plain: await timePlain(), steered };
}

/** One token of an answer. A scale of 1 pushes where the recipe itself would reply in words. */
async function timeOne(
  { client }: GatewayUnderTest,
  conversation: ReturnType<typeof conversationOf>,
  recipe: string | undefined,
): Promise<Timed> {
  const spec = {
    prompt: { case: "conversation" as const, value: conversation },
    ...{ maxTokens: 1, sampling: { temperature: 0 } },
    ...(recipe !== undefined && { steering: { use: { recipe, scale: 1 } } }),
  };
  const { timings, plan, usage } = await client.complete({ spec });
  return {
    isOpen: (plan?.gate ?? 0) >= LEAST_GATE,
    ...{ firstTokenMs: timings?.timeToFirstTokenMs ?? 0, planMs: timings?.planMs ?? 0 },
    replayedTokens: usage?.replayedTokens ?? 0,
  };
}

/** A request that no cache knows: the number comes first, always in as many digits. */
function conversationOf(number: number, text: string) {
  const content = `Case ${String(number).padStart(4, "0")}. ${text}`;
  return { messages: [{ role: "user", content }] };
}

function linesOf({ cpu, cores, load, ...result }: Result): string[] {
  const { threads, recipe, pairs, plainMs, steeredMs, planMs, replayedTokens, addedMs, leftAloneMs } = result;
  const spell = (ms: number): string => ms.toFixed(2);
  const both = ({ median: middle, tenth }: Times): string =>
    `${spell(middle)} ms (fastest tenth ${spell(tenth)})`;
  const added = ({ median: middle, lower, upper }: Added): string =>
    `${spell(middle)} ms, quartiles ${spell(lower)} to ${spell(upper)}`;
  return [
    `${cpu}, ${cores} cores, load ${load.toFixed(1)}; ${threads} compute threads; ${pairs} pairs of requests, recipe ${recipe}`,
    `first token, median: steered ${both(steeredMs)}, unsteered ${both(plainMs)}`,
    `plan ${both(planMs)}; tokens computed again: ${replayedTokens}`,
    `fastest tenth, steered less unsteered: ${spell(steeredMs.tenth - plainMs.tenth)} ms`,
    `plan and replay: ${added(addedMs)} (must at 135M <= ${MUST_MS}): ${addedMs.median <= MUST_MS ? "reached" : "missed"}`,
    `a gate that stays shut: ${added(leftAloneMs)}`,
  ];
}

const timesOf = (values: readonly number[]): Times => ({
  median: median(values),
  tenth: quantile(values, 0.1),
});

const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))] ?? Number.NaN;
