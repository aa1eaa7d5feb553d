/**
 * Problems -> roll-outs -> states and worths of their steps -> a probe, stored under a name. Cost: roll-outs, and one pass
 * over prompt and solution each.
 */
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import {
  isUseful,
  type Probe,
  type ProbeExample,
  trainProbe,
  writeProbe,
} from "../../../services/verifier/index.ts";
import type { GatewayClient } from "../demo/answer.ts";
import { onlyModel } from "../only-model.ts";
import { readProblems, type TrainingProblem } from "./problems.ts";
import { type Sampling, sampleSolutions } from "./solutions.ts";
import { readStates } from "./states.ts";

/** What is trained on. */
export interface TrainOptions extends Sampling {
  /** JSONL file. */
  readonly problems: string;
}

/** A stored probe and what is known of it. */
export interface Trained {
  /** name@digest */
  readonly stored: string;
  readonly isUseful: boolean;
  readonly layer: number;
  readonly report: Probe["report"];
}

/** Blocks tried, as shares of the model's depth. */
const DEPTHS = [1 / 2, 2 / 3, 5 / 6, 1];
/** Problems at a time: the engine's steps are cheaper per row the more rows they have. */
const TOGETHER = 5;

/** Trains and stores. @throws ConnectError of the gateway, TrimtabError of the files and of too little data. */
export async function trainOnProblems(
  client: GatewayClient,
  name: string,
  options: TrainOptions,
  onProgress: (done: number, total: number) => void,
): Promise<Trained> {
  const problems = readProblems(options.problems);
  const model = await onlyModel(client, "a probe is trained on");
  const layers = [...new Set(DEPTHS.map((depth) => Math.max(0, Math.round(depth * model.layers) - 1)))];
  let done = 0;
  onProgress(done, problems.length);
  const readProblem = async (problem: TrainingProblem): Promise<ProbeExample[]> => {
    const examples = await examplesOf(client, problem, layers, options);
    onProgress(++done, problems.length);
    return examples;
  };
  const examples: ProbeExample[] = [];
  for (let at = 0; at < problems.length; at += TOGETHER) {
    examples.push(...(await Promise.all(problems.slice(at, at + TOGETHER).map(readProblem))).flat());
  }
  const probe = trainProbe({ modelDigest: model.digest, layers, examples });
  const data = writeProbe(probe);
  const { artifact } = await client.putArtifact({
    put: { name, kind: ArtifactKind.PROBE, data, modelDigest: model.digest },
  });
  const { layer, report } = probe;
  return { stored: `${name}@${artifact?.digest}`, isUseful: isUseful(probe), layer, report };
}

/** Steps of a problem's roll-outs with their states and worths. */
async function examplesOf(
  client: GatewayClient,
  problem: TrainingProblem,
  layers: readonly number[],
  sampling: Sampling,
): Promise<ProbeExample[]> {
  const { messages } = problem;
  const { ids: prompt } = await client.tokenize({ input: { case: "conversation", value: { messages } } });
  const examples: ProbeExample[] = [];
  for (const solution of await sampleSolutions(client, problem, sampling)) {
    if (solution.steps.length === 0) continue;
    const states = await readStates(client, prompt, solution, layers);
    for (const [at, { number, worth }] of solution.steps.entries()) {
      examples.push({ problem: problem.id, step: number, label: worth, states: states[at]! });
    }
  }
  return examples;
}
