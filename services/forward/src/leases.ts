/** Sequences opened by unary calls: unguessable names, leases that expire, nothing leaks. Monotonic clock. */
import { TrimtabError } from "#kit/errors.ts";
import { DEFAULT_LEASE_MS, MAX_LEASE_MS, MIN_LEASE_MS } from "../limits.ts";
import type { Engine } from "./engine/client.ts";
import type { SequenceId } from "./engine/protocol.ts";
import { checkRange } from "./schema/checks.ts";

/** A leased sequence. */
export interface Lease {
  readonly engine: Engine;
  readonly sequence: SequenceId;
  readonly leaseMs: number;
}

/** All leases of a service. */
export interface Leases {
  /** Leases a sequence; answers its name. */
  add(lease: Lease): string;
  /** @throws TrimtabError SEQUENCE_NOT_FOUND, the same for unknown, expired and another model's names */
  find(engine: Engine, name: string): Lease;
  /** Those of a call's `sequences`. @throws TrimtabError SEQUENCE_NOT_FOUND naming the first that is none */
  findAll(engine: Engine, names: readonly string[]): readonly Lease[];
  renew(engine: Engine, names: readonly string[], leaseMs: number): void;
  /** Keeps a lease alive while `work` runs, then for its full length. */
  during<Result>(name: string, work: () => Promise<Result>): Promise<Result>;
  release(engine: Engine, names: readonly string[]): Promise<void>;
  close(): void;
}

interface Entry extends Lease {
  leaseMs: number;
  expiresMs: number;
  busy: number;
}

const SWEEP_MS = 500;

/** The lease length of a request. @throws TrimtabError FIELD_OUT_OF_RANGE */
export function toLeaseMs(leaseMs: number): number {
  if (leaseMs !== 0) checkRange("lease_ms", leaseMs, MIN_LEASE_MS, MAX_LEASE_MS);
  return leaseMs || DEFAULT_LEASE_MS;
}

/** Time and what happens again and again; tests bring their own. Monotonic, milliseconds. */
export interface LeaseClock {
  now(): number;
  /** Calls every `ms`; answers with what ends it. */
  every(ms: number, call: () => void): () => void;
}

const SYSTEM_CLOCK: LeaseClock = {
  now: () => performance.now(),
  every(ms, call) {
    const timer = setInterval(call, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
};

/** An empty table of leases with its sweeper, which runs while there is a lease: an empty table wakes nobody. */
export function createLeases({ now, every }: LeaseClock = SYSTEM_CLOCK): Leases {
  const entries = new Map<string, Entry>();
  const free = ({ engine, sequence }: Lease): Promise<unknown> =>
    engine.call({ type: "release", sequences: [sequence] }).catch(() => undefined);
  let stopSweeping: (() => void) | undefined;
  const rest = (): void => {
    if (entries.size > 0) return;
    stopSweeping?.();
    stopSweeping = undefined;
  };
  const sweep = (): void => {
    for (const [name, entry] of entries) {
      if (entry.busy > 0 || entry.expiresMs > now()) continue;
      entries.delete(name);
      void free(entry);
    }
    rest();
  };
  const find = (engine: Engine, name: string, field = "sequence"): Entry => {
    const entry = entries.get(name);
    if (entry && entry.engine === engine && (entry.busy > 0 || entry.expiresMs > now())) return entry;
    throw new TrimtabError("SEQUENCE_NOT_FOUND", "no such sequence, or its lease has expired", { field });
  };
  const findAll = (engine: Engine, names: readonly string[]): Entry[] =>
    names.map((name, index) => find(engine, name, `sequences[${index}]`));

  return {
    add(lease) {
      const name = `seq-${crypto.randomUUID()}`;
      entries.set(name, { ...lease, expiresMs: now() + lease.leaseMs, busy: 0 });
      stopSweeping ??= every(SWEEP_MS, sweep);
      return name;
    },
    find,
    findAll,
    renew(engine, names, leaseMs) {
      for (const entry of findAll(engine, names)) {
        entry.leaseMs = leaseMs;
        entry.expiresMs = now() + leaseMs;
      }
    },
    async during(name, work) {
      const entry = entries.get(name);
      if (entry) entry.busy++;
      try {
        return await work();
      } finally {
        if (entry) {
          entry.busy--;
          entry.expiresMs = Math.max(entry.expiresMs, now() + entry.leaseMs);
        }
      }
    },
    async release(engine, names) {
      const found = findAll(engine, names);
      for (const name of names) entries.delete(name);
      rest();
      await Promise.all(found.map(free));
    },
    close() {
      for (const entry of entries.values()) void free(entry);
      entries.clear();
      rest();
    },
  };
}
