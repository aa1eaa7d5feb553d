/**
 * A simulated forward: speaks the real session protocol, says what a script tells it, keeps books of its sequences.
 * Deterministic; every token can be held back by the test.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { TrimtabError } from "#kit/errors.ts";
import {
  type Command,
  type Event,
  type ForwardService,
  type GenerateCommand,
  ModelSchema,
} from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { OperationKind, type Program, ProgramSchema } from "./proto.ts";
import { activationOf, CONTEXT_TOKENS, SimulatedSession, tokenOf } from "./simulated-session.ts";
import { encode, IM_END, VOCABULARY_SIZE } from "./simulated-tokenizer.ts";

/** SHA-256 of the simulated model, hex. */
export const MODEL_DIGEST = "ab".repeat(32);

/** What a generation is asked for. */
export interface Ask {
  readonly prompt: string;
  readonly command: GenerateCommand;
  /** Largest coefficient now in effect; 0 without a program. */
  strength(): number;
}

/** What the test controls and sees. */
export interface ForwardBench {
  /** The answer to an ask, as text or ids. May read `ask.strength()` while it runs if given as a generator. */
  script: (ask: Ask) => Iterable<number>;
  /** Called before each token; a promise holds it back, a throw ends the session as a crash would. */
  beforeToken: (sequenceId: bigint, index: number) => Promise<void> | void;
  /** Called at each command; a throw ends the session as a crash would. */
  onCommand: (command: Command) => void;
  /** A reason: the generation of this sequence fails with it. */
  fails: (sequenceId: bigint) => string | undefined;
  /** A reason: the fork of this sequence fails with it. */
  refusesFork: (sequenceId: bigint) => string | undefined;
  /** False: programs are taken and not carried out. */
  obeys: boolean;
  /** What is sent in the place of an event: a forward that lies. */
  lies: (event: Event) => readonly Event[];
  /** Sequences alive over all sessions. */
  readonly alive: Set<string>;
  /** Digests of programs held. */
  readonly programs: Map<string, Program>;
  /** Commands seen, in order. */
  readonly commands: Command[];
  /** Sessions ever opened. */
  sessions: number;
}

/** Creates a forward that answers "Sure, I help." and, under a program, "I cannot help with that.". */
export function createForwardBench(): ForwardBench {
  return {
    script: (ask) => encode(ask.strength() === 0 ? "Sure, I help." : "I cannot help with that."),
    beforeToken: () => undefined,
    onCommand: () => undefined,
    fails: () => undefined,
    refusesFork: () => undefined,
    obeys: true,
    lies: (event) => [event],
    alive: new Set(),
    programs: new Map(),
    commands: [],
    sessions: 0,
  };
}

/** Digest of a program. */
export function programDigest(program: Program): string {
  const hash = new Bun.CryptoHasher("sha256").update(toBinary(ProgramSchema, program));
  return `sha256:${hash.digest("hex")}`;
}

/** The methods the gateway uses. */
export function simulatedForward(
  bench: ForwardBench,
): Pick<
  ServiceImpl<typeof ForwardService>,
  "listModels" | "getModel" | "putProgram" | "prepareConstraint" | "session" | "score" | "capture"
> {
  const model = create(ModelSchema, {
    name: "simulated",
    digest: MODEL_DIGEST,
    architecture: "llama",
    layers: 4,
    width: 2,
    vocabularySize: VOCABULARY_SIZE,
    contextTokens: CONTEXT_TOKENS,
    stopIds: [IM_END],
    loaded: true,
    operations: [OperationKind.ADD],
  });
  return {
    listModels: () => ({ models: [model] }),
    getModel({ model: name }) {
      if (["", model.name, model.digest].includes(name)) return { model };
      throw new TrimtabError("MODEL_NOT_FOUND", `no model ${name}`);
    },
    putProgram({ program }) {
      if (!program) throw new TrimtabError("FIELD_REQUIRED", "program");
      const digest = programDigest(program);
      bench.programs.set(digest, program);
      return { programDigest: digest };
    },
    prepareConstraint({ constraint }) {
      if (constraint?.kind.case !== "ebnf") return {};
      const message = "constraint.ebnf: nothing is right";
      throw new TrimtabError("INVALID_ARGUMENT", message, { field: "constraint.ebnf" });
    },
    async *session(requests, { signal }) {
      yield* new SimulatedSession(bench, signal).run(requests);
    },
    score: ({ items, topLogprobs }) => ({
      items: items.map(({ ids, first }) => ({
        tokens: ids.slice(first).map((id) => tokenOf(id, topLogprobs)),
      })),
      usage: { prefilledTokens: items.reduce((sum, { ids }) => sum + ids.length, 0) },
    }),
    async *capture({ items, taps }) {
      for (const [itemIndex, { ids }] of items.entries()) {
        yield { itemIndex, activations: taps.length === 0 ? [] : [activationOf(ids)] };
      }
    },
  };
}
