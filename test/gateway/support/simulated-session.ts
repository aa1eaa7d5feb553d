/** One session of the simulated forward: sequences, commands and the events that answer them. */
import { create } from "@bufbuild/protobuf";
import { createPushable } from "#kit/streams.ts";
import {
  type Command,
  EventSchema,
  type GenerateCommand,
  type OpenCommand,
  type SessionResponse,
  SessionResponseSchema,
} from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { type Activation, DataType, Site } from "./proto.ts";
import type { ForwardBench } from "./simulated-forward.ts";
import { decode, VOCABULARY_SIZE } from "./simulated-tokenizer.ts";

/** Block that is read where a tap names none. */
const TAPPED_LAYER = 3;
/** Context of the simulated model. */
export const CONTEXT_TOKENS = 512;

type EventInit = NonNullable<Exclude<Parameters<typeof create<typeof EventSchema>>[1], undefined>["event"]>;

interface Sequence {
  readonly ids: number[];
  /** Tokens of the answer so far; a generation goes on behind them. */
  answered: number;
  coefficients: readonly number[];
  stop: boolean;
  /** Set while it is parked. */
  go?: () => void;
}

/** Frees its sequences when its stream ends, however it ends. */
export class SimulatedSession {
  readonly #bench: ForwardBench;
  readonly #number: number;
  readonly #out = createPushable<SessionResponse>(4_096);
  readonly #sequences = new Map<bigint, Sequence>();

  constructor(bench: ForwardBench, signal: AbortSignal) {
    this.#bench = bench;
    this.#number = ++bench.sessions;
    signal.addEventListener("abort", () => this.#end());
  }

  /** Carries out the commands; yields the events. */
  async *run(requests: AsyncIterable<{ commands: Command[] }>): AsyncGenerator<SessionResponse> {
    void this.#read(requests).then(this.#out.end, this.#out.fail);
    try {
      yield* this.#out;
    } finally {
      this.#end();
    }
  }

  async #read(requests: AsyncIterable<{ commands: Command[] }>): Promise<void> {
    for await (const { commands } of requests) {
      for (const command of commands) {
        this.#bench.commands.push(command);
        this.#bench.onCommand(command);
        this.#take(command);
      }
    }
  }

  #take({ commandId, command }: Command): void {
    if (command.case === "open") return this.#open(commandId, command.value);
    if (command.case === "generate") {
      this.#generate(commandId, command.value).catch(this.#out.fail);
    } else if (command.case === "fork") {
      const { sequenceId, childIds } = command.value;
      const parent = this.#sequences.get(sequenceId);
      if (!parent) return this.#fail(sequenceId, commandId, "SEQUENCE_NOT_FOUND");
      const refusal = this.#bench.refusesFork(sequenceId);
      if (refusal !== undefined) return this.#fail(sequenceId, commandId, refusal);
      for (const child of childIds) this.#add(child, parent.ids, parent.answered);
      this.#send(sequenceId, commandId, { case: "forked", value: { childIds } });
    } else if (command.case === "truncate") {
      const { sequenceId, tokens } = command.value;
      const sequence = this.#sequences.get(sequenceId);
      if (!sequence) return this.#fail(sequenceId, commandId, "SEQUENCE_NOT_FOUND");
      sequence.answered = tokens - sequence.ids.length;
      this.#send(sequenceId, commandId, { case: "done", value: {} });
    } else if (command.case === "setCoefficients") {
      const { sequenceId, coefficients } = command.value;
      const sequence = this.#sequences.get(sequenceId);
      if (!sequence) return this.#fail(sequenceId, commandId, "SEQUENCE_NOT_FOUND");
      sequence.coefficients = coefficients;
      sequence.go?.();
      this.#send(sequenceId, commandId, { case: "done", value: {} });
    } else if (command.case === "stop" || command.case === "release") {
      for (const id of command.value.sequenceIds) this.#stop(id, command.case === "release");
      this.#send(0n, commandId, { case: "done", value: {} });
    }
  }

  #open(commandId: bigint, { sequenceId, ids, taps, program }: OpenCommand): void {
    if (program && !this.#bench.programs.has(program.programDigest)) {
      return this.#fail(sequenceId, commandId, "PROGRAM_NOT_FOUND");
    }
    this.#add(sequenceId, ids);
    if (taps.length > 0) this.#send(sequenceId, commandId, { case: "activation", value: activationOf(ids) });
    const value = { prefilledTokens: ids.length, queueMs: 0.5, prefillMs: 1 };
    this.#send(sequenceId, commandId, { case: "opened", value });
  }

  async #generate(commandId: bigint, command: GenerateCommand): Promise<void> {
    const { sequenceId: id, program, maxTokens, topLogprobs, taps } = command;
    const bench = this.#bench;
    const sequence = this.#sequences.get(id);
    if (!sequence) return this.#fail(id, commandId, "SEQUENCE_NOT_FOUND");
    if (program && !bench.programs.has(program.programDigest)) {
      return this.#fail(id, commandId, "PROGRAM_NOT_FOUND");
    }
    if (sequence.ids.length + sequence.answered >= CONTEXT_TOKENS)
      return this.#fail(id, commandId, "CONTEXT_OVERFLOW");
    const failing = bench.fails(id);
    if (failing !== undefined) return this.#fail(id, commandId, failing);
    sequence.coefficients = program?.coefficients ?? [];
    const strength = (): number => (bench.obeys ? Math.max(0, ...sequence.coefficients.map(Math.abs)) : 0);
    const limit = maxTokens === 0 ? CONTEXT_TOKENS - sequence.ids.length : maxTokens;
    let generatedTokens = 0;
    const answer: number[] = [];
    let rows = 0;
    let skipped = sequence.answered;
    let isHalted = false;
    let reason = FinishReason.STOP;
    sequence.stop = false;
    if (taps.length > 0) {
      const value = { ...activationOf(sequence.ids), layer: taps[0]?.layers[0] ?? TAPPED_LAYER };
      this.#send(id, commandId, { case: "activation", value });
    }
    for (const token of bench.script({ prompt: decode(sequence.ids), command, strength })) {
      if (skipped-- > 0) continue;
      if (generatedTokens === limit) reason = FinishReason.LENGTH;
      await bench.beforeToken(id, generatedTokens);
      await Bun.sleep(0);
      if (sequence.stop) reason = FinishReason.CANCELLED;
      if (reason !== FinishReason.STOP) break;
      if (strength() > 0) rows++;
      generatedTokens++;
      sequence.answered++;
      this.#send(id, 0n, { case: "tokens", value: { tokens: [tokenOf(token, topLogprobs)] } });
      answer.push(token);
      isHalted = command.stopIds.includes(token);
      if (isHalted) break;
      const { parkEveryTokens: every } = command;
      if (every > 0 && generatedTokens % every === 0) await this.#park(id, sequence, answer);
    }
    if (!this.#sequences.has(id)) return;
    if (reason === FinishReason.STOP && !isHalted) {
      generatedTokens++;
      if (strength() > 0) rows++;
    }
    const layer = { site: Site.RESIDUAL, layer: 2, rows, meanRelativeChange: 0.25, maxRelativeChange: 0.5 };
    const replayedTokens = command.replayLast && program ? 1 : 0;
    const value = { reason, generatedTokens, proof: rows > 0 ? [layer] : [], replayedTokens };
    this.#send(id, commandId, { case: "finished", value });
  }

  /** Shows what was generated so far and waits for coefficients. */
  #park(id: bigint, sequence: Sequence, answer: readonly number[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    sequence.go = resolve;
    this.#send(id, 0n, { case: "activation", value: activationOf([...sequence.ids, ...answer]) });
    this.#send(id, 0n, { case: "parked", value: { generatedTokens: answer.length } });
    return promise;
  }

  #add(id: bigint, ids: number[], answered = 0): void {
    this.#sequences.set(id, { ids, answered, coefficients: [], stop: false });
    this.#bench.alive.add(`${this.#number}/${id}`);
  }

  #stop(id: bigint, isReleased: boolean): void {
    const sequence = this.#sequences.get(id);
    if (sequence) sequence.stop = true;
    if (!isReleased) return;
    this.#sequences.delete(id);
    this.#bench.alive.delete(`${this.#number}/${id}`);
  }

  #end(): void {
    for (const id of this.#sequences.keys()) this.#stop(id, true);
    this.#out.end();
  }

  #send(sequenceId: bigint, commandId: bigint, event: EventInit): void {
    const events = this.#bench.lies(create(EventSchema, { sequenceId, commandId, event }));
    this.#out.push(create(SessionResponseSchema, { events: [...events] }));
  }

  #fail(id: bigint, commandId: bigint, reason: string): void {
    this.#send(id, commandId, { case: "failed", value: { reason, message: `simulated ${reason}` } });
  }
}

/** A token with as many alternatives as are asked for. */
export function tokenOf(id: number, topLogprobs: number) {
  const top = Array.from({ length: topLogprobs }, (_, rank) => ({
    id: (id + rank) % VOCABULARY_SIZE,
    logprob: -0.5 - rank,
  }));
  return { id, logprob: -0.5, top };
}

/** One row of two numbers: how many exclamation marks the prompt has, and its length. */
export function activationOf(ids: readonly number[]): Activation {
  const marks = ids.filter((id) => id === "!".charCodeAt(0)).length;
  const data = new Uint8Array(new Float32Array([marks, ids.length]).buffer);
  return {
    $typeName: "trimtab.type.v1.Activation",
    tapIndex: 0,
    site: Site.RESIDUAL,
    layer: TAPPED_LAYER,
    firstPosition: ids.length - 1,
    values: { $typeName: "trimtab.type.v1.Tensor", dataType: DataType.F32, shape: [1, 2], data },
    logits: [],
  };
}
