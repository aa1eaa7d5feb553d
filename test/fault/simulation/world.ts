/**
 * Gateway and engine as one deterministic machine: the real admission, leases, scheduler and KV tree, a clock that stands until it is told,
 * and messages between them that come late, get lost, or meet a process that died. What must hold is checked after every event.
 */
import { expect } from "bun:test";
import {
  type Admission,
  type AdmissionLimits,
  createAdmission,
  type Ticket,
} from "../../../gateway/src/admission/admission.ts";
import { BANDS } from "../../../gateway/src/admission/waiting-line.ts";
import { createManualClock, type ManualClock } from "../../gateway/support/manual-clock.ts";
import { begin, createEngine, PAGES, ROWS, strangeCells, write, type Written } from "./engine.ts";
import { LeasedSequences } from "./leased.ts";

/** One thing that happens; numbers choose among what is possible. */
export interface Happening {
  readonly kind: "arrive" | "step" | "pass" | "leave" | "crash" | "lose" | "hold" | "use";
  readonly choice: number;
}

/** Ends of requests, counted. */
export type Ends = Record<"answered" | "refused" | "left" | "lost" | "late", number>;

const TENANTS = ["alice", "bob", "carol"];
const LIMITS: AdmissionLimits = {
  ...{
    running: 5,
    runningWhileOthersWait: 5,
    runningTokens: 200,
    waiting: 8,
    waitingPerKey: 5,
    waitPerRun: 1,
    shortestWaitMs: 200,
    longestWaitMs: 2_000,
    waitPerTimeLeft: 0.5,
    longestPatientWaitMs: 2_000,
    patienceMs: 4_000,
  },
  ...{ burstSeconds: 5, keys: 4 },
};
const DELAY_MS = 5;
/** Clients give between a third of a second and five. */
const SHORTEST_DEADLINE_MS = 300;
const LONGEST_DEADLINE_MS = 5_000;
const GRACE_MS = 500;

interface Request {
  readonly id: number;
  readonly tenant: number;
  readonly text: readonly number[];
  readonly answer: number;
  readonly at: number;
  readonly deadlineMs: number;
  readonly leave: AbortController;
  ticket?: Ticket;
  end?: keyof Ends;
}

/** A sequence in the engine. */
interface Sequence extends Written {
  readonly request: Request;
}

/** A world at time 0, with nothing in it. */
export class World {
  readonly ends: Ends = { answered: 0, refused: 0, left: 0, lost: 0, late: 0 };
  private readonly clock: ManualClock = createManualClock();
  private readonly admission: Admission = createAdmission(LIMITS, this.clock);
  private readonly requests: Request[] = [];
  private engine = createEngine<Sequence>();
  private leased = new LeasedSequences(this.clock, this.engine);
  private losesNext = false;

  /** Lets one thing happen, with what follows from it at once. */
  async happen({ kind, choice }: Happening): Promise<void> {
    if (kind === "arrive") this.arrive(choice);
    if (kind === "step") this.step();
    if (kind === "pass") await this.clock.advance(choice % 400);
    if (kind === "leave") this.pick(choice)?.leave.abort();
    if (kind === "lose") this.losesNext = true;
    if (kind === "crash") this.crash();
    if (kind === "hold")
      this.leased.open(choice % TENANTS.length, textOf(1 + (choice % 100), choice), choice);
    if (kind === "use") await this.leased.use(choice);
    await this.clock.settle();
    this.check();
  }

  /** Lets everything come to its end, and checks that nothing is left. */
  async finish(): Promise<void> {
    const isOpen = () => this.leased.written.size > 0 || this.requests.some(({ end }) => end === undefined);
    for (let i = 0; i < 400 && isOpen(); i++) {
      await this.happen({ kind: "step", choice: 0 });
      await this.happen({ kind: "pass", choice: 50 });
    }
    expect(this.requests.filter(({ end }) => end === undefined)).toEqual([]);
    const { running, runningTokens, waiting } = this.admission.state;
    expect({ running, runningTokens, ...waiting }).toEqual({
      running: 0,
      runningTokens: 0,
      high: 0,
      normal: 0,
      low: 0,
    });
    const { tree, scheduler, sequences } = this.engine;
    expect([sequences.size, scheduler.size, tree.free]).toEqual([0, 0, PAGES]);
  }

  private pick(choice: number): Request | undefined {
    const open = this.requests.filter(({ end }) => end === undefined);
    return open[choice % Math.max(1, open.length)];
  }

  private arrive(choice: number): void {
    const tenant = choice % TENANTS.length;
    const length = 1 + (choice % 150);
    const text = textOf(length, choice);
    const answer = 1 + (choice % 11);
    const deadlineMs = SHORTEST_DEADLINE_MS + (choice % LONGEST_DEADLINE_MS);
    const request: Request = {
      deadlineMs,
      ...{
        id: this.requests.length,
        tenant,
        text,
        answer,
        at: this.clock.now(),
        leave: new AbortController(),
      },
    };
    this.requests.push(request);
    const { signal } = request.leave;
    const band = BANDS[choice % BANDS.length] ?? "normal";
    const ask = {
      key: TENANTS[tenant] ?? "",
      band,
      tokens: length + answer,
      share: {},
      signal,
      timeoutMs: deadlineMs,
    };
    this.clock.after(deadlineMs, () => this.end(request, "late"));
    signal.addEventListener("abort", () => this.end(request, "left"));
    this.admission.enter(ask).then(
      (ticket) => this.admitted(request, ticket),
      () => this.end(request, signal.aborted ? "left" : "refused"),
    );
  }

  private admitted(request: Request, ticket: Ticket): void {
    // Its client may have left in the very moment it was let in.
    if (request.end !== undefined) return ticket.leave(0);
    request.ticket = ticket;
    this.send(request, () => this.open(request));
  }

  /** A message between the processes: late, or lost, and then its request is told so. */
  private send(request: Request, arrive: () => void): void {
    const isLost = this.losesNext;
    this.losesNext = false;
    const { engine } = this;
    this.clock.after(DELAY_MS, () => {
      if (isLost || engine !== this.engine) this.end(request, "lost");
      else arrive();
    });
  }

  private open(request: Request): void {
    if (request.end !== undefined) return;
    const { scheduler, sequences } = this.engine;
    const written = begin(this.engine, request.tenant, request.text);
    sequences.set(request.id, { request, ...written });
    scheduler.set(request.id, request.text.length - written.copy.length, TENANTS[request.tenant] ?? "");
  }

  /** One step of the engine: rows as the scheduler says, pages as the tree has them. */
  private step(): void {
    const { scheduler, sequences } = this.engine;
    const slices = scheduler.next();
    expect(slices.reduce((sum, { rows }) => sum + rows, 0)).toBeLessThanOrEqual(ROWS.rowBudget);
    for (const { id, rows } of slices) {
      const sequence = sequences.get(id)!;
      const { request, copy } = sequence;
      for (let row = 0; row < rows; row++) {
        const value = request.text[copy.length] ?? 100 + (copy.length % 3);
        if (!write(this.engine, sequence, value)) return this.end(request, "refused");
      }
      const written = copy.length;
      const total = request.text.length + request.answer;
      if (written === total) this.send(request, () => this.end(request, "answered"));
      scheduler.set(
        id,
        written < request.text.length ? request.text.length - written : written < total ? 1 : 0,
        TENANTS[request.tenant] ?? "",
      );
    }
  }

  /** The engine's process dies: whatever it held is gone, whoever waited for it is told. */
  private crash(): void {
    const { sequences } = this.engine;
    this.leased.die();
    this.engine = createEngine<Sequence>();
    this.leased = new LeasedSequences(this.clock, this.engine);
    for (const { request } of sequences.values()) this.end(request, "lost");
  }

  /** The final event of a request: the first counts, a later one finds it ended. Everything it held goes back. */
  private end(request: Request, how: keyof Ends): void {
    if (request.end !== undefined) return;
    request.end = how;
    this.ends[how]++;
    expect(this.clock.now() - request.at).toBeLessThanOrEqual(request.deadlineMs + GRACE_MS);
    request.ticket?.leave(request.text.length);
    const { tree, scheduler, sequences } = this.engine;
    const sequence = sequences.get(request.id);
    if (!sequence) return;
    scheduler.drop(request.id);
    tree.release(sequence.table);
    sequences.delete(request.id);
  }

  private check(): void {
    const { running, runningTokens, waiting } = this.admission.state;
    expect(running).toBeLessThanOrEqual(LIMITS.running);
    if (running > 1) expect(runningTokens).toBeLessThanOrEqual(LIMITS.runningTokens);
    expect(waiting.high + waiting.normal + waiting.low).toBeLessThanOrEqual(LIMITS.waiting);
    const { tree, sequences } = this.engine;
    const all = [...sequences.values(), ...this.leased.written.values()];
    expect(tree.free + new Set(all.flatMap(({ table }) => table.pages)).size).toBe(PAGES);
    for (const written of all) expect(strangeCells(this.engine, written)).toEqual([]);
    this.leased.check();
  }
}

/** Tenants ask the same few texts, so that pages of one would serve another. */
const textOf = (length: number, choice: number): number[] =>
  Array.from({ length }, (_, i) => (i + (choice % 2)) % 5);
