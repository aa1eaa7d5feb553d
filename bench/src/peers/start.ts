/** The peers that have the speeds of every engine, and how each is started. */
import type { Contender, FileKind } from "../contender.ts";
import { BACKENDS, type Isa, makeBestFile, type Search, startLlama } from "./llama.ts";
import { startNodeLlama } from "./node-llama.ts";
import { startTransformers } from "./transformers.ts";
import { startWllama } from "./wllama.ts";

/** A peer with one kind of file. */
export interface PeerStart {
  /** As in rows; a version after a blank is left out, for only a peer that runs can tell it. */
  readonly name: string;
  readonly file: FileKind;
  /** What a run of a few minutes has it for; a shallow decode is what every engine can and what is short. */
  readonly quick: "all" | "shallow decode" | "nothing";
  /** Steps of a cell in such a run, where so few take as long as all of everybody else's. */
  readonly quickSteps?: number;
  /** `how` its settings are chosen before the rounds of a cell, where it has a choice. */
  start(modelPath: string, threads: number, file: FileKind, how: Search): Promise<Contender>;
}

/** llama.cpp as on a host without wider vectors; other peers choose their code themselves, so they are left out. */
export const limitedPeers = (isa: Isa): PeerStart[] =>
  (["same", "best"] as const).map((file) => ({
    ...{ name: "llama.cpp", file, quick: "all" as const },
    start: (modelPath, threads, _, how) => startLlama(modelPath, threads, file, how, BACKENDS[isa]),
  }));

/** The steps are about 1 s of the slower one. */
const WLLAMAS: readonly (Pick<PeerStart, "quickSteps"> & { readonly version: "2.3.1" | "3.8.1" })[] = [
  { version: "2.3.1" },
  { version: "3.8.1", quickSteps: 8 },
];

const quickFor = (file: FileKind): PeerStart["quick"] => (file === "best" ? "shallow decode" : "nothing");

/** All of them; those that are slow to start or to run have a small place in a quick run, with their best file. */
export const PEERS: readonly PeerStart[] = [
  { name: "llama.cpp", file: "same", quick: "all", start: startLlama },
  { name: "llama.cpp", file: "best", quick: "all", start: startLlama },
  ...(["same", "best"] as const).map((file) => ({
    // Nothing is to be reached beside it that is not beside the library itself.
    ...{ name: "node-llama-cpp", file, quick: "nothing" as const },
    async start(modelPath: string, threads: number): Promise<Contender> {
      return startNodeLlama(await fileOf(modelPath, file), threads, file);
    },
  })),
  ...WLLAMAS.flatMap(({ version, ...slow }) =>
    (["same", "best"] as const).map((file) => ({
      ...{ name: `wllama@${version}`, file, quick: quickFor(file), ...slow },
      async start(modelPath: string, threads: number): Promise<Contender> {
        return startWllama(
          version,
          file === "same" ? modelPath : await makeBestFile(modelPath),
          threads,
          file,
        );
      },
    })),
  ),
  { name: "transformers.js", file: "same", quick: "nothing", start: startTransformers },
  { name: "transformers.js", file: "best", quick: "nothing", start: startTransformers },
];

const fileOf = async (modelPath: string, file: FileKind): Promise<string> =>
  file === "same" ? modelPath : await makeBestFile(modelPath);
