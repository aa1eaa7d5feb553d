// Intervention programs against their equation, and the proof against the rows themselves.

import { expect, test } from "bun:test";
import type { Gate, NormPolicy, Pointer } from "#kernels";
import { clearProof, programLayout, readProof, writeInstance, writeOperation } from "#kernels";
import { type Bench, createBench, createRandom, underAll } from "./support.ts";
const SEED = 99;
const DIM = 64;
const GATES: readonly Gate[] = ["constant", "identity", "relu", "threshold"];
const POLICIES: readonly NormPolicy[] = ["none", "preserve", "cap"];
const CAP = 0.25;
const norm = (v: readonly number[]) => Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));

interface Operation {
  readonly u: Float32Array;
  readonly v: Float32Array;
  readonly b: Float32Array;
  readonly c: Float32Array;
  readonly gate: Gate;
  readonly policy: NormPolicy;
}

function applyExactly(h: readonly number[], { u, v, b, c, gate, policy }: Operation): number[] {
  let delta = h.map(() => 0);
  for (let j = 0; j < c.length; j++) {
    const a = h.reduce((sum, x, d) => sum + x * (u[j * DIM + d] ?? 0), b[j] ?? 0);
    const g = { constant: 1, identity: a, relu: Math.max(a, 0), threshold: a > 0 ? 1 : 0, turn: 0 }[gate];
    delta = delta.map((x, d) => x + (c[j] ?? 0) * g * (v[j * DIM + d] ?? 0));
  }
  const limit = CAP * norm(h);
  if (policy === "cap" && norm(delta) > limit) delta = delta.map((x) => (x * limit) / norm(delta));
  const after = h.map((x, d) => x + (delta[d] ?? 0));
  return policy === "preserve" ? after.map((x) => (x * norm(h)) / norm(after)) : after;
}

function place(bench: Bench, operation: Operation, next: Pointer): { instance: Pointer; proof: Pointer } {
  const put = (values: Float32Array) => {
    const { pointer, view } = bench.floats(values.length);
    view.set(values);
    return pointer;
  };
  const record = bench.bytes(programLayout.operationBytes);
  const { gate, policy: normPolicy, u, v, b, c } = operation;
  const rank = c.length;
  const u0 = gate === "constant" ? 0 : put(u);
  writeOperation(bench.memory, record, {
    rank,
    dim: DIM,
    u: u0,
    v: put(v),
    b: put(b),
    gate,
    normPolicy,
    cap: CAP,
  });
  const instance = bench.bytes(programLayout.instanceBytes);
  const proof = bench.bytes(programLayout.proofBytes);
  clearProof(bench.memory, proof);
  writeInstance(bench.memory, instance, { operation: record, coefficients: put(c), proof, next });
  return { instance, proof };
}

function randomOperation(random: () => number, rank: number, gate: Gate, policy: NormPolicy): Operation {
  const vector = (count: number, size: number) =>
    Float32Array.from({ length: count }, () => (random() - 0.5) * size);
  return {
    u: vector(rank * DIM, 0.5),
    v: vector(rank * DIM, 1),
    b: vector(rank, 1),
    c: vector(rank, 2),
    gate,
    policy,
  };
}

for (const gate of GATES) {
  test(`gate ${gate}: rows follow the equation under every norm policy, and the proof says how far they moved`, async () => {
    for (const policy of POLICIES) {
      const random = createRandom(SEED);
      const bench = createBench(2 ** 20);
      const first = randomOperation(random, 3, gate, policy);
      const second = randomOperation(random, 1, "identity", "none");
      const chained = place(bench, second, 0);
      const head = place(bench, first, chained.instance);
      const rows = 40;
      const stride = DIM + 12;
      const x = bench.floats(rows * stride);
      const start = Float32Array.from(x.view, () => random() * 2 - 1);
      const instances = bench.ints(
        Array.from({ length: rows }, (_, row) => (row % 4 === 3 ? 0 : head.instance)),
      );
      let bits: Float32Array | null = null;
      await underAll(bench, (operators) => {
        x.view.set(start);
        clearProof(bench.memory, head.proof);
        operators.applyPrograms({ x: x.pointer, xStride: stride, rows, instances });
        let [count, sum, max] = [0, 0, 0];
        for (let row = 0; row < rows; row++) {
          const before = [...start.subarray(row * stride, row * stride + DIM)];
          const middle = row % 4 === 3 ? before : applyExactly(before, first);
          const exact = row % 4 === 3 ? before : applyExactly(middle, second);
          exact.forEach((value, d) => expect(x.view[row * stride + d]).toBeCloseTo(value, 4));
          expect(x.view.slice(row * stride + DIM, (row + 1) * stride)).toEqual(
            start.slice(row * stride + DIM, (row + 1) * stride),
          );
          if (row % 4 === 3) continue;
          const ratio = norm(middle.map((value, d) => value - (before[d] ?? 0))) / norm(before);
          [count, sum, max] = [count + 1, sum + ratio, Math.max(max, ratio)];
        }
        const proof = readProof(bench.memory, head.proof);
        expect(proof.count).toBe(count);
        expect(Math.abs(proof.sum / sum - 1)).toBeLessThan(1e-5);
        expect(Math.abs(proof.max / max - 1)).toBeLessThan(1e-5);
        bits ??= x.view.slice();
        expect(x.view).toEqual(bits);
      });
      expect(bench.intact()).toBe(true);
    }
  });
}

test("an operation that does nothing proves nothing: its rows count, the distance is exactly zero", async () => {
  const random = createRandom(SEED + 1);
  const bench = createBench(2 ** 20);
  const operation = randomOperation(random, 2, "identity", "none");
  const disabled = place(bench, { ...operation, c: new Float32Array(2) }, 0);
  const enabled = place(bench, operation, 0);
  const x = bench.floats(3 * DIM);
  x.view.forEach((_, i) => (x.view[i] = random()));
  const before = x.view.slice();
  await underAll(bench, (operators) => {
    clearProof(bench.memory, disabled.proof);
    clearProof(bench.memory, enabled.proof);
    const call = (instance: Pointer) =>
      operators.applyPrograms({
        x: x.pointer,
        xStride: DIM,
        rows: 3,
        instances: bench.ints([instance, instance, 0]),
      });
    call(disabled.instance);
    expect(x.view).toEqual(before);
    expect(readProof(bench.memory, disabled.proof)).toEqual({ count: 2, sum: 0, max: 0 });
    call(enabled.instance);
    expect(readProof(bench.memory, enabled.proof).sum).toBeGreaterThan(0.01);
    x.view.set(before);
  });
});
