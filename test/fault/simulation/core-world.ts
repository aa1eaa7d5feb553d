/**
 * The real engine core (commands, sequences, memory queue, prefix cache, KV tree, scheduler) over a simulated forward pass: a row's key
 * and value are one number, made of the one before it and of the token, and its logits are that number. So a row that reads a page of
 * another text, or one that was not computed, is noticed at the next token. Time stands until it is told.
 */
import { expect } from "bun:test";
import { type Core, createCore } from "../../../services/forward/src/engine/core.ts";
import { createKvTree, type KvTree } from "../../../services/forward/src/engine/kv-tree.ts";
import type { Command, EngineEvent } from "../../../services/forward/src/engine/protocol.ts";
import { createScheduler } from "../../../services/forward/src/engine/scheduler.ts";
import type { CoreOptions } from "../../../services/forward/src/engine/state.ts";
import type { BatchRow, Forward } from "../../../services/forward/src/engine/step.ts";
import { chain, createCells, simulatedSampler } from "./core-cells.ts";
import { generation, opening, type Unsent } from "./core-commands.ts";
import { simulatedGrammars, simulatedPrograms } from "./core-parts.ts";

/** One thing that happens to the core; numbers choose among what is possible. */
export interface CoreHappening {
  readonly kind:
    | "open"
    | "extend"
    | "generate"
    | "fork"
    | "truncate"
    | "release"
    | "stop"
    | "steer"
    | "hold"
    | "step"
    | "pass";
  readonly choice: number;
  readonly size: number;
}

const PAGES = 16;
const CONTEXT_TOKENS = 320;
const ROWS = { rowBudget: 48, prefillRows: 32 };
/** Steps in which all that is left must end. */
const MOST_STEPS = 5_000;
/** What clients may be told; anything else, INTERNAL and NON_FINITE above all, is a defect. */
const EXPECTED = [
  ...["CANCELLED", "OUT_OF_MEMORY", "SEQUENCE_NOT_FOUND", "DEADLINE_EXCEEDED", "FIELD_OUT_OF_RANGE"],
  ...["CONTEXT_OVERFLOW", "INVALID_ARGUMENT", "QUEUE_FULL"],
];

/** A core, those who call it, and what they were told. */
export class CoreWorld {
  readonly ends = new Map<string, number>();
  steps = 0;
  private nowMs = 0;
  private nextCall = 1;
  private nextSequence = 1;
  private readonly open = new Set<number>();
  private readonly sequences: number[] = [];
  /** Sequences of which a row may have been changed by a program. */
  private readonly changed = new Set<number>();
  private readonly programs = simulatedPrograms();
  private readonly grammars = simulatedGrammars();
  private readonly tree: KvTree;
  private readonly core: Core;

  constructor() {
    const cells = createCells(PAGES);
    this.tree = createKvTree({ pages: PAGES, ...cells });
    const forward: Forward = { run: (batch) => this.compute(batch, cells) };
    this.core = createCore({
      ...{ forward, tree: this.tree, scheduler: createScheduler<number>(ROWS) },
      sampler: simulatedSampler((sequence) => !this.changed.has(sequence)),
      ...{ programs: this.programs.store, grammars: this.grammars.store },
      // Nothing is tapped.
      projections: {} as CoreOptions["projections"],
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
    if (kind === "pass") return this.pass(size * 10);
    const sequence = this.sequences[choice % Math.max(1, this.sequences.length)] ?? 0;
    if (kind === "open") this.send(opening(this.name(), null, choice, size));
    // Its tokens are known for a parent that has said nothing yet; else it is refused, which is an answer, too.
    else if (kind === "extend") this.send(opening(this.name(), sequence, choice, size));
    else if (kind === "generate") this.send(generation(sequence, choice, size));
    else if (kind === "fork") this.forkAndGo(sequence, choice, size);
    else if (kind === "truncate") this.send({ type: "truncate", sequence, tokens: 1 + size });
    else if (kind === "steer")
      this.send({ type: "coefficients", sequence, coefficients: [1 + (choice % 2)] });
    else if (kind === "stop") this.send({ type: "stop", sequences: [sequence] });
    else if (kind === "hold") this.send({ type: "hold", sequences: [sequence], held: choice % 3 > 0 });
    else this.release(sequence);
  }

  /** Lets everything end by itself, which all calls must; then gives everything back, of which nothing may be left. */
  finish(): void {
    this.send({ type: "hold", sequences: [...this.sequences], held: false });
    for (let steps = 0, deadlineMs: number | null = 0; deadlineMs !== null;) {
      while (this.core.step() || this.grammars.catchUp()) expect(++steps).toBeLessThan(MOST_STEPS);
      deadlineMs = this.core.nextDeadlineMs();
      this.nowMs = Math.max(this.nowMs, deadlineMs ?? 0);
    }
    expect([...this.open]).toEqual([]);
    while (this.sequences.length > 0) this.release(this.sequences[0] ?? 0);
    expect(this.core.step()).toBe(false);
    expect(this.tree.free).toBe(PAGES);
    expect([this.programs.held(), this.grammars.held()]).toEqual([0, 0]);
    expect(this.core.nextDeadlineMs()).toBe(null);
  }

  private step(): void {
    this.core.step();
    this.steps++;
  }

  private pass(timeMs: number): void {
    this.nowMs += timeMs;
    this.grammars.catchUp();
  }

  private send(command: Unsent): void {
    this.noteChange(command);
    const call = this.nextCall++;
    this.open.add(call);
    this.core.command({ ...command, call } as Command);
  }

  /** A sequence is changed by its own programs, and by those of whom it continues. */
  private noteChange(command: Unsent): void {
    const before =
      command.type === "open" ? command.parent : command.type === "fork" ? command.sequence : null;
    const isBound = (command.type === "open" || command.type === "generate") && command.binding !== null;
    if (!isBound && (before === null || !this.changed.has(before))) return;
    if (command.type === "fork") for (const child of command.children) this.changed.add(child);
    else if (command.type === "open" || command.type === "generate") this.changed.add(command.sequence);
  }

  private hear(event: EngineEvent): void {
    if (event.type !== "done" && event.type !== "failed") return void expect(this.open).toContain(event.call);
    // Exactly one end for every call.
    expect(this.open.delete(event.call)).toBe(true);
    const how = event.type === "done" ? "done" : event.error.reason;
    if (event.type === "failed") expect(EXPECTED).toContain(event.error.reason);
    this.ends.set(how, (this.ends.get(how) ?? 0) + 1);
  }

  /** Branches that go on before their parent has had time to be forked. */
  private forkAndGo(sequence: number, choice: number, size: number): void {
    const children = Array.from({ length: 1 + (choice % 4) }, () => this.name());
    this.send({ type: "fork", sequence, children });
    for (const [index, child] of children.entries()) this.send(generation(child, choice + index, size));
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
    for (const { table, position, id, heads } of batch) {
      const before = position === 0 ? 0 : cells.read(table, position - 1);
      cells.write(table, position, chain(before, id + 1_000 * (heads?.[0] ?? 0)));
    }
    for (const { table, position, onLogits } of batch) onLogits?.(cells.read(table, position));
    return 0;
  }
}
