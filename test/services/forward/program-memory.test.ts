/** Memory of programs that runs out: whoever meets it is refused, and the engine goes on. */
import { expect, test } from "bun:test";
import type { Operation } from "../../../services/forward/src/programs/program.ts";
import type { Caller } from "../../../services/forward/src/engine/protocol.ts";
import {
  CALLER,
  failure,
  generate,
  open,
  prompt,
  startEngineForFile,
  UNCACHED,
} from "../../support/forward-engine.ts";
import { operation } from "../../support/program-reference.ts";
import { putProgram } from "../../support/put-program.ts";

const OPERATIONS = 1_024;
const WINDOWS = 16;
const [WIDTH, NEURONS] = [64, 128];

const engine = await startEngineForFile({ synthetic: { seed: 4, layers: 2 }, contextTokens: 1_024 });
const put = (make: (index: number) => Partial<Operation>): Promise<string> =>
  putProgram(engine, ...Array.from({ length: OPERATIONS }, (_, index) => operation(make(index))));
/** A unit vector, or several that are orthogonal to each other. */
const units = (dim: number, at: number, count = 1): Float32Array => {
  const vectors = new Float32Array(count * dim);
  for (let row = 0; row < count; row++) vectors[row * dim + ((at + row) % dim)] = 1;
  return vectors;
};

/** Holds programs of 4 MiB until there is no room for another; answers the texts that hold them. */
async function fill(caller: Caller): Promise<number[]> {
  const held: number[] = [];
  const holdOne = async (): Promise<void> => {
    const vectors = units(NEURONS, held.length, 2);
    const digest = await put((index) => ({ site: "neurons", layer: index % 2, kind: "rotate", vectors }));
    const binding = { digest, coefficients: Array<number>(OPERATIONS).fill(0) };
    held.push((await open(engine, prompt(4, held.length), { caller, binding })).sequence);
  };
  const refused = await failure(
    (async () => {
      for (;;) await holdOne();
    })(),
  );
  expect(refused.reason).toBe("OUT_OF_MEMORY");
  return held;
}

test.each([
  ["computes it", UNCACHED],
  ["looks for it in the cache", CALLER],
])(
  "a text fails alone when the records of its program find no room as the engine %s",
  async (_, caller) => {
    const free = await open(engine, prompt(20), { caller });
    const { tokens } = await generate(engine, free.sequence);
    // Every position meets other operations, whose records are made when the first text meets them.
    const digest = await put((index) => ({
      ...{ kind: "erase", layer: index % 2, vectors: units(WIDTH, index) },
      scope: { kind: "window", first: 0, end: 1 + (index % WINDOWS) },
    }));
    const binding = { digest, coefficients: Array<number>(OPERATIONS).fill(0.01) };
    const first = await open(engine, prompt(WINDOWS + 1), { caller, binding });
    const held = [free.sequence, first.sequence, ...(await fill(caller))];
    const openMore = async (): Promise<never> => {
      for (let seed = 2; ; seed++)
        held.push((await open(engine, prompt(WINDOWS + 1, seed), { caller, binding })).sequence);
    };
    const refused = await failure(openMore());
    expect(refused.reason).toBe("OUT_OF_MEMORY");
    expect(refused.message).toContain("programs");
    const again = await open(engine, prompt(20), { caller });
    expect((await generate(engine, again.sequence)).tokens).toEqual(tokens);
    await engine.call({ type: "release", sequences: [...held, again.sequence] });
    expect(await engine.call({ type: "stats" })).toMatchObject({ sequences: 0 });
  },
  120_000,
);
