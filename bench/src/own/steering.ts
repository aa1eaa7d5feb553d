/** What steering costs: decode with an addition to the residual stream after every block, and without. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { encodeTensor } from "#kit/tensor.ts";
import {
  OperationKind,
  Scope,
  Site,
  type OperationSchema,
  type ProgramBindingSchema,
} from "#proto/trimtab/type/v1/program_pb.ts";
import type { Cell } from "../contender.ts";
import type { ForwardUnderTest } from "../ours/forward.ts";
import type { BenchRow } from "../rows.ts";
import { comparePair, type OwnBench } from "./pairs.ts";

/** Differences of a percent need many short turns. */
const ROUND_FACTOR = 4;
const QUICK_ROUND_FACTOR = 1.6;
const STEPS = 48;
const COEFFICIENT = 0.01;

/** Tokens/s of decode with an addition at all layers beside tokens/s without. */
export async function measureSteering(bench: OwnBench): Promise<BenchRow[]> {
  const { forward } = bench;
  const program = await putAdditions(forward);
  const cell: Cell = { metric: "decode", context: 0, batch: 1, steps: STEPS };
  const row = await comparePair(
    bench,
    {
      ...{ metric: "steering", context: 0, batch: 1, unit: "tokens/s", peer: "Trimtab without steering" },
      ours: () => forward.decode(cell, { program }),
      theirs: () => forward.decode(cell),
    },
    (bench.quick ? QUICK_ROUND_FACTOR : ROUND_FACTOR) * bench.rounds,
  );
  return [row];
}

/** Uploads a program that adds a vector after every block, for every generated token. */
async function putAdditions(
  forward: ForwardUnderTest,
): Promise<MessageInitShape<typeof ProgramBindingSchema>> {
  const { digest, layers, width } = forward.model;
  const vector = new Float32Array(width).fill(1 / Math.sqrt(width));
  const operations = Array.from({ length: layers }, (_, layer): MessageInitShape<typeof OperationSchema> => ({
    ...{ site: Site.RESIDUAL, layer, kind: OperationKind.ADD, scope: Scope.DECODE },
    vectors: encodeTensor(vector, [1, width]),
  }));
  const { programDigest } = await forward.client.putProgram({ program: { modelDigest: digest, operations } });
  return { programDigest, coefficients: operations.map(() => COEFFICIENT) };
}
