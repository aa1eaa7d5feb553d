/**
 * Gateway and engine as one deterministic machine: the real admission, scheduler and KV tree, a clock that stands until it is told,
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
import { createKvTree, type KvTable, type KvTree } from "../../../services/forward/src/engine/kv-tree.ts";
import { createScheduler, type Scheduler } from "../../../services/forward/src/engine/scheduler.ts";
import { createManualClock, type ManualClock } from "../../gateway/support/manual-clock.ts";

/** One thing that happens; numbers choose among what is possible. */
export interface Happening {
  readonly kind: "arrive" | "step" | "pass" | "leave" | "crash" | "lose";
  readonly choice: number;
}

/** Ends of requests, counted. */
export type Ends = Record<"answered" | "refused" | "left" | "lost" | "late", number>;

const PAGE = 32;
const PAGES = 20;
const ROWS = { rowBudget: 96, prefillRows: 48 };
const TENANTS = ["alice", "bob", "carol"];
const LIMITS: AdmissionLimits = {
  ...{
    running: 5,
    runningTokens: 200,
    waiting: 8,
    waitingPerKey: 5,
    waitPerRun: 1,
    shortestWaitMs: 200,
    longestWaitMs: 2_000,
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
interface Sequence {
  readonly request: Request;
  readonly table: KvTable;
  readonly copy: number[];
  written: number;
}

/** A world at time 0, with nothing in it. */
export class World {
  readonly ends: Ends = { answered: 0, refused: 0, left: 0, lost: 0, late: 0 };
  private readonly clock: ManualClock = createManualClock();
  private readonly admission: Admission = createAdmission(LIMITS, this.clock);
  private readonly requests: Request[] = [];
  private engine = createEngine();
  private losesNext = false;

  /** Lets one thing happen, with what follows from it at once. */
  async happen({ kind, choice }: Happening): Promise<void> {
    if (kind === "arrive") this.arrive(choice);
    if (kind === "step") this.step();
    if (kind === "pass") await this.clock.advance(choice % 400);
    if (kind === "leave") this.pick(choice)?.leave.abort();
    if (kind === "lose") this.losesNext = true;
    if (kind === "crash") this.crash();
    await this.clock.settle();
    this.check();
  }

  /** Lets everything come to its end, and checks that nothing is left. */
  async finish(): Promise<void> {
    for (let i = 0; i < 400 && this.requests.some(({ end }) => end === undefined); i++) {
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
    // Tenants ask the same few texts, so that pages of one would serve another.
    const text = Array.from({ length }, (_, i) => (i + (choice % 2)) % 5);
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
    const { tree, scheduler, sequences } = this.engine;
    const found: number[] = [];
    for (let page = 0; (page + 1) * PAGE < request.text.length; page++) {
      const number = tree.find(keyOf(request.tenant, request.text, page));
      if (number === undefined) break;
      found.push(number);
    }
    const table = tree.create();
    const reused = found.length * PAGE;
    tree.attach(table, 0, found, reused);
    sequences.set(request.id, { request, table, copy: request.text.slice(0, reused), written: reused });
    scheduler.set(request.id, request.text.length - reused, TENANTS[request.tenant] ?? "");
  }

  /** One step of the engine: rows as the scheduler says, pages as the tree has them. */
  private step(): void {
    const { scheduler, sequences } = this.engine;
    const slices = scheduler.next();
    expect(slices.reduce((sum, { rows }) => sum + rows, 0)).toBeLessThanOrEqual(ROWS.rowBudget);
    for (const { id, rows } of slices) {
      const sequence = sequences.get(id)!;
      for (let row = 0; row < rows; row++)
        if (!this.write(sequence)) return this.end(sequence.request, "refused");
      const { request, written } = sequence;
      const total = request.text.length + request.answer;
      if (written === total) this.send(request, () => this.end(request, "answered"));
      scheduler.set(
        id,
        written < request.text.length ? request.text.length - written : written < total ? 1 : 0,
        TENANTS[request.tenant] ?? "",
      );
    }
  }

  private write(sequence: Sequence): boolean {
    const { tree, pages } = this.engine;
    const { request, table, copy, written: at } = sequence;
    if (!tree.prepare(table, at, at + 1)) return false;
    const value = request.text[at] ?? 100 + (at % 3);
    copy[at] = value;
    pages[table.pages[Math.floor(at / PAGE)]!]![at % PAGE] = { tenant: request.tenant, value };
    sequence.written++;
    if ((at + 1) % PAGE !== 0) return true;
    const page = Math.floor(at / PAGE);
    const ids = copy.slice(page * PAGE, at + 1);
    tree.publish(table, page, keyOf(request.tenant, copy, page), keyOf(request.tenant, copy, page - 1), {
      ids,
      signatures: [],
    });
    return true;
  }

  /** The engine's process dies: whatever it held is gone, whoever waited for it is told. */
  private crash(): void {
    const { sequences } = this.engine;
    this.engine = createEngine();
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
    const { tree, sequences, pages } = this.engine;
    const held = new Set([...sequences.values()].flatMap(({ table }) => table.pages));
    expect(tree.free + held.size).toBe(PAGES);
    for (const { request, table, copy } of sequences.values()) {
      for (const [at, value] of copy.entries()) {
        const cell = pages[table.pages[Math.floor(at / PAGE)]!]![at % PAGE];
        // A page of another tenant, or of another text, would show here.
        if (cell?.tenant !== request.tenant || cell.value !== value)
          expect(cell).toEqual({ tenant: request.tenant, value });
      }
    }
  }
}

type Cell = { readonly tenant: number; readonly value: number };

interface Engine {
  readonly tree: KvTree;
  readonly scheduler: Scheduler<number>;
  readonly sequences: Map<number, Sequence>;
  readonly pages: (Cell | undefined)[][];
}

function createEngine(): Engine {
  const pages: (Cell | undefined)[][] = Array.from({ length: PAGES }, () => []);
  const tree = createKvTree({
    pages: PAGES,
    copyPage: (from, to) => void (pages[to] = [...(pages[from] ?? [])]),
    clearPage: (page) => void (pages[page] = []),
  });
  return { tree, scheduler: createScheduler<number>(ROWS), sequences: new Map(), pages };
}

/** Key of a page: whose it is, and all text up to its end. */
const keyOf = (tenant: number, text: readonly number[], page: number): string =>
  page < 0 ? "" : `${tenant}:${text.slice(0, (page + 1) * PAGE).join()}`;
