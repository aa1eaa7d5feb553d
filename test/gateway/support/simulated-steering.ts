/** A simulated steering service: gate 0.9 for prompts with an exclamation mark, 0 for others; one program a scope. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { TrimtabError } from "#kit/errors.ts";
import {
  BuildState,
  type SteeringService,
  type SteeringUse,
} from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind, type ArtifactSchema } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { DataType, OperationKind, type Program, ProgramSchema, Scope, Site } from "./proto.ts";
import { MODEL_DIGEST, programDigest } from "./simulated-forward.ts";

/** What the test controls and sees. */
export interface SteeringBench {
  /** Called before each RPC with its name; a throw is its failure. */
  before: (rpc: string) => Promise<void> | void;
  /** Names of the RPCs called, in order. */
  readonly calls: string[];
  /** Stored artifacts by reference, beside `mine`. */
  readonly artifacts: Map<string, StoredArtifact>;
}

/** A stored artifact. */
export interface StoredArtifact {
  readonly artifact: MessageInitShape<typeof ArtifactSchema>;
  readonly text: string;
}

const RESOLVED = `refusal@sha256:${"cd".repeat(32)}`;
const GATE = 0.9;
/** The one block it acts on. */
const STEERED_LAYER = 2;
const encoder = new TextEncoder();

/** The program for a scope. */
export function programFor(scope: Scope): Program {
  const vectors = { dataType: DataType.F32, shape: [1, 2], data: new Uint8Array(8).fill(1) };
  const operation = { site: Site.RESIDUAL, layer: STEERED_LAYER, kind: OperationKind.ADD, vectors, scope };
  return create(ProgramSchema, { modelDigest: MODEL_DIGEST, operations: [operation] });
}

const PROGRAMS = new Map(
  [Scope.UNSPECIFIED, Scope.PROMPT, Scope.LAST, Scope.DECODE].map((scope) => {
    const program = programFor(scope);
    return [programDigest(program), program] as const;
  }),
);

/** The methods the gateway uses. */
export function simulatedSteering(bench: SteeringBench): Partial<ServiceImpl<typeof SteeringService>> {
  const enter = async (rpc: string): Promise<void> => {
    bench.calls.push(rpc);
    await bench.before(rpc);
  };
  const artifact = { name: "mine", digest: `sha256:${"ef".repeat(32)}`, kind: ArtifactKind.DIRECTION };
  return {
    async getRequirements({ steering }) {
      await enter("GetRequirements");
      // Of a composition, the first part stands for all.
      const [part = steering] = steering?.parts ?? [];
      const name = part?.recipe.split("@")[0] ?? "";
      if (name !== "refusal") throw new TrimtabError("RECIPE_NOT_FOUND", `no recipe ${name}`);
      const taps = [{ site: Site.RESIDUAL, layers: [3] }];
      const programDigests = [programDigest(programFor(steering?.scope ?? Scope.UNSPECIFIED))];
      const names = part === steering ? { resolved: RESOLVED } : { resolvedParts: [RESOLVED] };
      return { taps, programDigests, replayLast: true, ...names };
    },
    async plan({ steering, activations, activeLayers }) {
      await enter("Plan");
      if (!steering || activations.length !== 1)
        throw new TrimtabError("SHAPE_MISMATCH", "one activation is needed");
      const isActive = activeLayers.length === 0 || activeLayers.includes(STEERED_LAYER);
      return planOf(steering, activations[0]?.values?.data ?? new Uint8Array(8), isActive);
    },
    async getProgram({ programDigest: digest }) {
      await enter("GetProgram");
      const program = PROGRAMS.get(digest);
      if (!program) throw new TrimtabError("PROGRAM_NOT_FOUND", digest);
      return { program };
    },
    async listRecipes() {
      await enter("ListRecipes");
      return {
        recipes: [
          { name: "refusal", built: true, resolved: RESOLVED },
          { name: "candour", built: false },
        ],
      };
    },
    async *buildRecipe({ name }) {
      await enter("BuildRecipe");
      yield { build: { id: "b1", state: BuildState.RUNNING, phase: "direction" } };
      yield { build: { id: "b1", state: BuildState.SUCCEEDED, recipe: { name, built: true } } };
    },
    getBuild: ({ id }) => ({ build: { id, state: BuildState.RUNNING } }),
    cancelBuild: ({ id }) => ({ build: { id, state: BuildState.CANCELLED } }),
    extractVector: () => ({ artifact }),
    putArtifact: () => ({ artifact }),
    async *getArtifact({ reference }) {
      const stored = bench.artifacts.get(reference);
      if (stored) {
        yield { artifact: stored.artifact, chunk: encoder.encode(stored.text.slice(0, 5)) };
        return yield { chunk: encoder.encode(stored.text.slice(5)) };
      }
      if (reference !== "mine") throw new TrimtabError("ARTIFACT_NOT_FOUND", `there is no ${reference}`);
      yield { artifact, chunk: Uint8Array.of(1, 2) };
      yield { chunk: Uint8Array.of(3) };
    },
    listArtifacts: () => ({ artifacts: [artifact] }),
    deleteArtifact: () => ({}),
    importArtifact: () => ({ artifact }),
    exportArtifact: () => ({ data: Uint8Array.of(9) }),
  };
}

function planOf(use: SteeringUse, activation: Uint8Array, isActive: boolean) {
  const [marks = 0] = new Float32Array(activation.slice().buffer);
  const scale = use.dose?.dose.value ?? use.scale ?? 1;
  const gate = use.forceGate ?? (marks > 0 ? GATE : 0);
  const digest = programDigest(programFor(use.scope));
  // A shut gate names no program; only where it is asked again does that matter here.
  const isShut = use.everyTokens > 0 && gate === 0;
  const program =
    scale === 0 || isShut
      ? {}
      : { program: { programDigest: digest, coefficients: [isActive ? gate * scale : 0] } };
  const report = { gate, layerWeights: [0, 0, 1, 0], layerWeightsSource: "dose_search", resolved: RESOLVED };
  return { ...program, report };
}
