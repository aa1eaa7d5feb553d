/**
 * A simulated forward: speaks the real session protocol, says what a script tells it, keeps books of its sequences.
 * Deterministic; every token can be held back by the test.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { createPushable } from "#kit/streams.ts";
import { TrimtabError } from "#kit/errors.ts";
import {
  type Command,
  EventSchema,
  type ForwardService,
  type GenerateCommand,
  ModelSchema,
  type SessionResponse,
  SessionResponseSchema,
} from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { type Activation, DataType, OperationKind, type Program, ProgramSchema, Site } from "./proto.ts";
import { decode, encode, IM_END, VOCABULARY_SIZE } from "./simulated-tokenizer.ts";

/** SHA-256 of the simulated model, hex. */
export const MODEL_DIGEST = "ab".repeat(32);
/** Context of the simulated model. */
export const CONTEXT_TOKENS = 512;

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
  /** False: programs are taken and not carried out. */
  obeys: boolean;
  /** Sequences alive over all sessions. */
  readonly alive: Set<string>;
  /** Digests of programs held. */
  readonly programs: Map<string, Program>;
  /** Commands seen, in order. */
  readonly commands: Command[];
  /** Sessions running. */
  sessions: number;
}

/** Creates a forward that answers "Sure, I help." and, under a program, "I cannot help with that.". */
export function createForwardBench(): ForwardBench {
  return {
    script: (ask) => encode(ask.strength() === 0 ? "Sure, I help." : "I cannot help with that."),
    beforeToken: () => undefined,
    onCommand: () => undefined,
    obeys: true,
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
  "listModels" | "getModel" | "putProgram" | "session" | "score" | "capture"
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
    async *session(requests, { signal }) {
      yield* runSession(bench, requests, signal);
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

interface Sequence {
  readonly ids: number[];
  coefficients: readonly number[];
  stop: boolean;
}

async function* runSession(
  bench: ForwardBench,
  requests: AsyncIterable<{ commands: Command[] }>,
  signal: AbortSignal,
): AsyncGenerator<SessionResponse> {
  const session = ++bench.sessions;
  const key = (id: bigint): string => `${session}/${id}`;
  const out = createPushable<SessionResponse>(4_096);
  const sequences = new Map<bigint, Sequence>();
  const send = (sequenceId: bigint, commandId: bigint, event: NonNullable<EventInit>): void =>
    void out.push(create(SessionResponseSchema, { events: [{ sequenceId, commandId, event }] }));
  const free = (id: bigint): void => {
    const sequence = sequences.get(id);
    if (sequence) sequence.stop = true;
    sequences.delete(id);
    bench.alive.delete(key(id));
  };
  const add = (id: bigint, ids: number[]): void => {
    sequences.set(id, { ids, coefficients: [], stop: false });
    bench.alive.add(key(id));
  };
  const freeAll = (): void => {
    for (const id of sequences.keys()) free(id);
    out.end();
  };
  signal.addEventListener("abort", freeAll);

  const generate = async (commandId: bigint, command: GenerateCommand): Promise<void> => {
    const { sequenceId: id, program, maxTokens, topLogprobs } = command;
    const sequence = sequences.get(id);
    if (!sequence) return fail(id, commandId, "SEQUENCE_NOT_FOUND");
    if (program && !bench.programs.has(program.programDigest))
      return fail(id, commandId, "PROGRAM_NOT_FOUND");
    sequence.coefficients = program?.coefficients ?? [];
    const strength = (): number => (!bench.obeys ? 0 : Math.max(0, ...sequence.coefficients.map(Math.abs)));
    const limit = maxTokens === 0 ? CONTEXT_TOKENS - sequence.ids.length : maxTokens;
    let generatedTokens = 0;
    let rows = 0;
    let reason = FinishReason.STOP;
    for (const token of bench.script({ prompt: decode(sequence.ids), command, strength })) {
      if (generatedTokens === limit) reason = FinishReason.LENGTH;
      await bench.beforeToken(id, generatedTokens);
      await Bun.sleep(0);
      if (sequence.stop) reason = FinishReason.CANCELLED;
      if (reason !== FinishReason.STOP) break;
      if (strength() > 0) rows++;
      generatedTokens++;
      send(id, 0n, { case: "tokens", value: { tokens: [tokenOf(token, topLogprobs)] } });
    }
    if (!sequences.has(id)) return;
    if (reason === FinishReason.STOP) generatedTokens++;
    const proof =
      rows > 0
        ? [{ site: Site.RESIDUAL, layer: 2, rows, meanRelativeChange: 0.25, maxRelativeChange: 0.5 }]
        : [];
    const replayedTokens = command.replayLast && program ? 1 : 0;
    send(id, commandId, { case: "finished", value: { reason, generatedTokens, proof, replayedTokens } });
  };
  const fail = (id: bigint, commandId: bigint, reason: string): void =>
    send(id, commandId, { case: "failed", value: { reason, message: `simulated ${reason}` } });

  const take = ({ commandId, command }: Command): void => {
    if (command.case === "open") {
      const { sequenceId, ids, taps, program } = command.value;
      if (program && !bench.programs.has(program.programDigest))
        return fail(sequenceId, commandId, "PROGRAM_NOT_FOUND");
      add(sequenceId, ids);
      if (taps.length > 0) send(sequenceId, commandId, { case: "activation", value: activationOf(ids) });
      send(sequenceId, commandId, {
        case: "opened",
        value: { prefilledTokens: ids.length, queueMs: 0.5, prefillMs: 1 },
      });
    } else if (command.case === "fork") {
      const parent = sequences.get(command.value.sequenceId);
      if (!parent) return fail(command.value.sequenceId, commandId, "SEQUENCE_NOT_FOUND");
      for (const child of command.value.childIds) add(child, parent.ids);
      send(command.value.sequenceId, commandId, {
        case: "forked",
        value: { childIds: command.value.childIds },
      });
    } else if (command.case === "generate") {
      generate(commandId, command.value).catch(out.fail);
    } else if (command.case === "setCoefficients") {
      const sequence = sequences.get(command.value.sequenceId);
      if (!sequence) return fail(command.value.sequenceId, commandId, "SEQUENCE_NOT_FOUND");
      sequence.coefficients = command.value.coefficients;
      send(command.value.sequenceId, commandId, { case: "done", value: {} });
    } else if (command.case === "stop") {
      for (const id of command.value.sequenceIds) {
        const sequence = sequences.get(id);
        if (sequence) sequence.stop = true;
      }
      send(0n, commandId, { case: "done", value: {} });
    } else if (command.case === "release") {
      for (const id of command.value.sequenceIds) free(id);
      send(0n, commandId, { case: "done", value: {} });
    }
  };

  void (async () => {
    try {
      for await (const { commands } of requests) {
        for (const command of commands) {
          bench.commands.push(command);
          bench.onCommand(command);
          take(command);
        }
      }
      out.end();
    } catch (error) {
      out.fail(error);
    }
  })();
  try {
    yield* out;
  } finally {
    freeAll();
    bench.sessions--;
  }
}

type EventInit = Exclude<Parameters<typeof create<typeof EventSchema>>[1], undefined>["event"];

function tokenOf(id: number, topLogprobs: number) {
  const top = Array.from({ length: topLogprobs }, (_, rank) => ({
    id: (id + rank) % VOCABULARY_SIZE,
    logprob: -0.5 - rank,
  }));
  return { id, logprob: -0.5, top };
}

/** One row of two numbers: how many exclamation marks the prompt has, and its length. */
function activationOf(ids: readonly number[]): Activation {
  const marks = ids.filter((id) => id === "!".charCodeAt(0)).length;
  const data = new Uint8Array(new Float32Array([marks, ids.length]).buffer);
  return {
    $typeName: "trimtab.type.v1.Activation",
    tapIndex: 0,
    site: Site.RESIDUAL,
    layer: 3,
    firstPosition: ids.length - 1,
    values: { $typeName: "trimtab.type.v1.Tensor", dataType: DataType.F32, shape: [1, 2], data },
  };
}
