/** What reading activations costs: the residual stream of all layers, of a prompt's last token and of every decoded one. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Site, TapPositions, type TapSchema } from "#proto/trimtab/type/v1/program_pb.ts";
import type { Cell } from "../contender.ts";
import { generate, open, release, type Extras } from "../ours/commands.ts";
import type { ForwardUnderTest } from "../ours/forward.ts";
import type { BenchRow } from "../rows.ts";
import { comparePair, type OwnBench } from "./pairs.ts";

const ROUND_FACTOR = 3;
const QUICK_ROUND_FACTOR = 1.2;
const STEPS = 48;
const PROMPT_TOKENS = 128;
const PEER = "Trimtab without capture";

/** Tokens/s with all layers captured beside tokens/s without: a prompt with its last token, and a decode. */
export async function measureCapture(bench: OwnBench): Promise<BenchRow[]> {
  const { forward } = bench;
  const taps: MessageInitShape<typeof TapSchema>[] = [
    { site: Site.RESIDUAL, positions: TapPositions.LAST, layers: [] },
  ];
  const cell: Cell = { metric: "decode", context: 0, batch: 1, steps: STEPS };
  const common = { batch: 1, unit: "tokens/s", peer: PEER };
  const last = {
    ...{ ...common, metric: "capture-last", context: PROMPT_TOKENS },
    ours: () => prefill(forward, { taps }),
    theirs: () => prefill(forward, {}),
  };
  const every = {
    ...{ ...common, metric: "capture-every", context: 0 },
    ours: () => forward.decode(cell, { taps }),
    theirs: () => forward.decode(cell),
  };
  const rounds = (bench.quick ? QUICK_ROUND_FACTOR : ROUND_FACTOR) * bench.rounds;
  return [await comparePair(bench, last, rounds), await comparePair(bench, every, rounds)];
}

/** Tokens/s of a prompt, its activations and its first token included. */
async function prefill({ session, newId, newPrompt }: ForwardUnderTest, extras: Extras): Promise<number> {
  const id = newId();
  const ids = newPrompt(PROMPT_TOKENS);
  const beganMs = performance.now();
  await session.run(
    [open(id, ids, extras), generate(id, 1)],
    ({ event }) => event.case === "tokens" || undefined,
  );
  const elapsedMs = performance.now() - beganMs;
  await session.run([release([id])], ({ event }) => event.case === "done" || undefined);
  return (1000 * PROMPT_TOKENS) / elapsedMs;
}
