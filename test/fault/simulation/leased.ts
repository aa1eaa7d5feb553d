/** Sequences that clients hold by lease, in the simulation: the real table of leases over the simulated engine. */
import { expect } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import type { Engine } from "../../../services/forward/src/engine/client.ts";
import { createLeases, type Leases } from "../../../services/forward/src/leases.ts";
import type { ManualClock } from "../../gateway/support/manual-clock.ts";
import { begin, type SimulatedEngine, write, type Written } from "./engine.ts";

/** Leases are between one second and four. */
const SHORTEST_MS = 1_000;
const SPREAD_MS = 3_000;
const WORK_MS = 1_500;
/** A lease that has expired is gone by the next sweep. */
const SWEEP_MS = 500;

interface Held {
  readonly name: string;
  readonly sequence: number;
  /** When it may be gone at the earliest, and must be at the latest; both move when it is used. */
  until: number;
  /** The length it has now. */
  leaseMs: number;
  busy: number;
}

/** What of leases happens in one engine's life. */
export class LeasedSequences {
  /** Texts that are held, by sequence. */
  readonly written = new Map<number, Written>();
  private readonly names: Held[] = [];
  private readonly leases: Leases;
  private readonly service: Engine;
  private next = 1_000_000;

  constructor(
    private readonly clock: ManualClock,
    private readonly engine: SimulatedEngine<unknown>,
  ) {
    const call = ({ sequences }: { sequences: number[] }) => {
      for (const id of sequences) this.free(id);
      return Promise.resolve();
    };
    this.service = { call } as never;
    this.leases = createLeases({ now: clock.now, every: (ms, again) => every(clock, ms, again) });
  }

  /** A client opens a sequence, and holds it if there is memory for its text. */
  open(tenant: number, text: readonly number[], choice: number): void {
    const written = begin(this.engine, tenant, text);
    const sequence = this.next++;
    this.written.set(sequence, written);
    while (written.copy.length < text.length) {
      if (!write(this.engine, written, text[written.copy.length] ?? 0)) return this.free(sequence);
    }
    const leaseMs = SHORTEST_MS + (choice % SPREAD_MS);
    const name = this.leases.add({ engine: this.service, sequence, leaseMs });
    this.names.push({ name, sequence, leaseMs, until: this.clock.now() + leaseMs, busy: 0 });
  }

  /** A client works with one of its sequences for a while, renews it, or gives it back; of one that is gone it is told so. */
  async use(choice: number): Promise<void> {
    const held = this.names[choice % Math.max(1, this.names.length)];
    if (!held) return;
    const isDue = held.busy === 0 && held.until <= this.clock.now();
    if (isDue) return this.expectGone(held);
    expect(this.leases.find(this.service, held.name).sequence).toBe(held.sequence);
    const leaseMs = SHORTEST_MS + (choice % SPREAD_MS);
    if (choice % 3 === 0) return await this.giveBack(held);
    if (choice % 3 === 1) {
      this.leases.renew(this.service, [held.name], leaseMs);
      Object.assign(held, { leaseMs, until: this.clock.now() + leaseMs });
      return;
    }
    held.busy++;
    void this.leases
      .during(held.name, () => new Promise<void>((done) => this.clock.after(WORK_MS, done)))
      .then(() => {
        held.busy--;
        held.until = Math.max(held.until, this.clock.now() + held.leaseMs);
      });
  }

  /** What must hold at any time: what is under lease is there, what has expired is gone by the next sweep. */
  check(): void {
    for (const held of this.names) {
      const isHeld = this.written.has(held.sequence);
      if (held.busy > 0 || held.until > this.clock.now()) expect(isHeld).toBe(true);
      if (held.busy === 0 && held.until + SWEEP_MS < this.clock.now()) expect(isHeld).toBe(false);
    }
  }

  /** The process dies: its table is gone with its engine. */
  die(): void {
    this.leases.close();
    this.written.clear();
  }

  private async giveBack(held: Held): Promise<void> {
    await this.leases.release(this.service, [held.name]);
    this.names.splice(this.names.indexOf(held), 1);
    expect(this.written.has(held.sequence)).toBe(false);
    this.expectGone(held);
  }

  private expectGone({ name }: Held): void {
    let reason = "found";
    try {
      this.leases.find(this.service, name);
    } catch (error) {
      ({ reason } = fromConnectError(error));
    }
    expect(reason).toBe("SEQUENCE_NOT_FOUND");
  }

  private free(sequence: number): void {
    const written = this.written.get(sequence);
    if (!written) return;
    this.engine.tree.release(written.table);
    this.written.delete(sequence);
  }
}

/** A repeated timer of a clock that has single ones. */
function every(clock: ManualClock, ms: number, call: () => void): () => void {
  let stop = clock.after(ms, again);
  function again(): void {
    stop = clock.after(ms, again);
    call();
  }
  return () => stop();
}
