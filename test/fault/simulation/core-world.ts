/**
 * The real engine core (commands, sequences, memory queue, prefix cache, KV tree, scheduler) over a simulated forward pass: a row's key
 * and value are one number, made of the one before it and of the token, and its logits are that number. So a row that reads a page of
 * another text, or one that was not computed, is noticed at the next token. Time stands until it is told.
 */
import { expect } from "bun:test";
import { type Core, createCore } from "../../../services/forward/src/engine/core.ts";
import { createKvTree, type KvTree } from "../../../services/forward/src/engine/kv-tree.ts";
import type { Caller, Command, EngineEvent } from "../../../services/forward/src/engine/protocol.ts";
import { createScheduler } from "../../../services/forward/src/engine/scheduler.ts";
import type { CoreOptions } from "../../../services/forward/src/engine/state.ts";
import type { BatchRow, Forward } from "../../../services/forward/src/engine/step.ts";
import { GREEDY } from "../../support/forward-engine.ts";
import { chain, createCells, simulatedSampler, textOf } from "./core-cells.ts";

/** One thing that happens to the core; numbers choose among what is possible. */
export interface CoreHappening {
  readonly kind:
    "open" | "extend" | "generate" | "fork" | "truncate" | "release" | "stop" | "steer" | "step" | "pass";
  readonly choice: number;
  readonly size: number;
}

const PAGES = 16;
const CONTEXT_TOKENS = 320;
const ROWS = { rowBudget: 48, prefillRows: 32 };
/** Steps in which all that is left must end. */
const MOST_STEPS = 20_000;
/** What clients may be told; anything else, INTERNAL and NON_FINITE above all, is a defect. */
const EXPECTED = [
  ...["CANCELLED", "OUT_OF_MEMORY", "SEQUENCE_NOT_FOUND", "DEADLINE_EXCEEDED", "FIELD_OUT_OF_RANGE"],
  ...["CONTEXT_OVERFLOW", "INVALID_ARGUMENT", "QUEUE_FULL"],
];

type Sent<One = Command> = One extends Command ? Omit<One, "call"> : never;

/** A core, those who call it, and what they were told. */
export class CoreWorld {
  readonly ends = new Map<string, number>();
  steps = 0;
  private nowMs = 0;
  private nextCall = 1;
  private nextSequence = 1;
  private readonly open = new Set<number>();
  private readonly sequences: number[] = [];
  private readonly tree: KvTree;
  private readonly core: Core;

  constructor() {
    const cells = createCells(PAGES);
    this.tree = createKvTree({ pages: PAGES, ...cells });
    const forward: Forward = { run: (batch) => this.compute(batch, cells) };
    const nothing = { programs: { put() {}, size: 0, usedBytes: 0 }, projections: {}, grammars: {} };
    const parts = {
      forward,
      sampler: simulatedSampler,
      tree: this.tree,
      scheduler: createScheduler<number>(ROWS),
    };
    this.core = createCore({
      ...(nothing as unknown as Pick<CoreOptions, "programs" | "projections" | "grammars">),
      ...parts,
      ...{
        layers: 1,
        rowBudget: ROWS.rowBudget,
        contextTokens: CONTEXT_TOKENS,
        vocabulary: 1 << 30,
        pageBytes: 1,
      },
      ...{ cacheFormat: "simulated", threads: () => 1, variant: "simulated" },
      emit: (event) => this.hear(event),
      wake: () => {},
      now: () => this.nowMs,
    });
  }

  /** Lets one thing happen. */
  happen({ kind, choice, size }: CoreHappening): void {
    if (kind === "step") return this.step();
    if (kind === "pass") return void (this.nowMs += size * 10);
    const sequence = this.sequences[choice % Math.max(1, this.sequences.length)] ?? 0;
    if (kind === "open") this.send(this.opening(choice, textOf(choice % 5, 1 + size), null));
    // Its tokens are known for a parent that has said nothing yet; else it is refused, which is an answer, too.
    else if (kind === "extend") this.send(this.opening(choice, textOf(choice % 5, 1 + size), sequence));
    else if (kind === "generate") this.send(this.generation(sequence, choice, size));
    else if (kind === "fork") this.forkAndGo(sequence, choice, size);
    else if (kind === "truncate") this.send({ type: "truncate", sequence, tokens: 1 + size });
    else if (kind === "steer") this.send({ type: "coefficients", sequence, coefficients: [] });
    else if (kind === "stop") this.send({ type: "stop", sequences: [sequence] });
    else this.release(sequence);
  }

  /** Lets everything end by itself, which all calls must; then gives everything back, of which nothing may be left. */
  finish(): void {
    for (let steps = 0, deadlineMs: number | null = 0; deadlineMs !== null;) {
      while (this.core.step()) expect(++steps).toBeLessThan(MOST_STEPS);
      deadlineMs = this.core.nextDeadlineMs();
      this.nowMs = Math.max(this.nowMs, deadlineMs ?? 0);
    }
    expect([...this.open]).toEqual([]);
    while (this.sequences.length > 0) this.release(this.sequences[0] ?? 0);
    expect(this.core.step()).toBe(false);
    expect(this.tree.free).toBe(PAGES);
    expect(this.core.nextDeadlineMs()).toBe(null);
  }

  private step(): void {
    this.core.step();
    this.steps++;
  }

  private send(command: Sent): void {
    const call = this.nextCall++;
    this.open.add(call);
    this.core.command({ ...command, call } as Command);
  }

  private hear(event: EngineEvent): void {
    if (event.type !== "done" && event.type !== "failed") return void expect(this.open).toContain(event.call);
    // Exactly one end for every call.
    expect(this.open.delete(event.call)).toBe(true);
    const how = event.type === "done" ? "done" : event.error.reason;
    if (event.type === "failed") expect(EXPECTED).toContain(event.error.reason);
    this.ends.set(how, (this.ends.get(how) ?? 0) + 1);
  }

  private opening(choice: number, ids: readonly number[], parent: number | null): Sent {
    const caller: Caller = {
      fairnessKey: `key ${choice % 3}`,
      cacheSalt: `salt ${choice % 2}`,
      bypassCache: choice % 7 === 0,
      waitMs: (choice % 4) * 500,
    };
    const sequence = this.name();
    const nothing = { taps: [], binding: null, transient: false };
    const score = choice % 6 === 0 && ids.length > 1 ? { first: 1, topLogprobs: 0, candidates: [] } : null;
    const complete = choice % 5 === 0;
    return {
      type: "open",
      sequence,
      caller,
      ids,
      parent,
      promptTokens: ids.length,
      score,
      complete,
      ...nothing,
    };
  }

  private generation(sequence: number, choice: number, size: number): Sent {
    const parking = { parkEvery: choice % 9 === 0 ? 3 : 0, parkTimeoutMs: 1_000 };
    const speculation = parking.parkEvery === 0 && choice % 8 === 0 ? { ngram: 2, maxDraft: 4 } : null;
    const drawing = { sampling: GREEDY, stream: BigInt(choice % 3), stopIds: [], topLogprobs: 0 };
    const nothing = { binding: null, replayLast: false, taps: [], constraint: null };
    return {
      type: "generate",
      sequence,
      maxTokens: 1 + size,
      ...drawing,
      ...nothing,
      ...parking,
      speculation,
    };
  }

  /** Branches that go on before their parent has had time to be forked. */
  private forkAndGo(sequence: number, choice: number, size: number): void {
    const children = Array.from({ length: 1 + (choice % 4) }, () => this.name());
    this.send({ type: "fork", sequence, children });
    for (const [index, child] of children.entries()) this.send(this.generation(child, choice + index, size));
  }

  private name(): number {
    const sequence = this.nextSequence++;
    this.sequences.push(sequence);
    return sequence;
  }

  private release(sequence: number): void {
    const at = this.sequences.indexOf(sequence);
    if (at >= 0) this.sequences.splice(at, 1);
    this.send({ type: "release", sequences: [sequence] });
  }

  /** Rows of one step, at most as many as a step may have; the page of each row is its own table's. */
  private compute(batch: readonly BatchRow[], cells: ReturnType<typeof createCells>): number {
    expect(batch.length).toBeLessThanOrEqual(ROWS.rowBudget);
    for (const { table, position, id } of batch) {
      cells.write(table, position, chain(position === 0 ? 0 : cells.read(table, position - 1), id));
    }
    for (const { table, position, onLogits } of batch) onLogits?.(cells.read(table, position));
    return 0;
  }
}
