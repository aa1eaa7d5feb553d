/**
 * Random histories of the ONNX core with little memory, over a decoder whose past is one number: opens, branches, generations, clients
 * that leave at any moment. Every call has exactly one end, texts read their own past only, and in the end all memory is back.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { createOnnxCore } from "../../../services/forward/src/backends/onnx/core.ts";
import type { Decoder, Past } from "../../../services/forward/src/backends/onnx/decoder.ts";
import type { Command, EngineEvent } from "../../../services/forward/src/engine/protocol.ts";
import { seedOf } from "../../support/seed.ts";
import { chain, simulatedSampler, textOf } from "./core-cells.ts";
import { generation, opening, type Unsent } from "./core-commands.ts";

setDefaultTimeout(20 * 60_000);
const SEED = seedOf(32);
const HISTORIES = process.env["TRIMTAB_TEST_FULL"] === "1" ? 1_000 : 40;
const VOCABULARY = 50;
const KV_TOKENS = 200;
const EXPECTED = [
  ...["CANCELLED", "OUT_OF_MEMORY", "SEQUENCE_NOT_FOUND", "FIELD_OUT_OF_RANGE", "CONTEXT_OVERFLOW"],
  ...["INVALID_ARGUMENT", "QUEUE_FULL"],
];

/** The number of a text by its length is all there is of a past. */
type Numbers = Past & { readonly numbers: readonly number[] };
const pastOf = (numbers: readonly number[]): Numbers => ({
  ...{ tokens: numbers.length, tensors: new Map(), numbers },
});

function simulatedDecoder(): Decoder {
  const cut = (past: Past, tokens: number): Past =>
    tokens >= past.tokens ? past : pastOf((past as Numbers).numbers.slice(0, tokens));
  return {
    ...{ layers: 1, kvHeads: 1, headDim: 1, vocabulary: VOCABULARY, width: null, empty: pastOf([]), cut },
    async run(ids, past) {
      const numbers = [...(past as Numbers).numbers];
      const logits = new Float64Array(ids.length * VOCABULARY);
      for (const [row, id] of ids.entries()) {
        numbers.push(chain(numbers.at(-1) ?? 0, id));
        logits[row * VOCABULARY] = numbers.at(-1) ?? 0;
      }
      await Promise.resolve();
      expect(numbers.length).toBeLessThanOrEqual(KV_TOKENS);
      return { logits: logits as never, hidden: new Map(), past: pastOf(numbers) };
    },
    close: async () => {},
  };
}

/** A core and those who call it. */
function createWorld() {
  const ends = new Map<number, string>();
  const open = new Map<number, () => void>();
  const emit = (event: EngineEvent): void => {
    if (event.type !== "done" && event.type !== "failed") return void expect(open.has(event.call)).toBe(true);
    if (event.type === "failed") expect(EXPECTED).toContain(event.error.reason);
    const tell = open.get(event.call);
    // Exactly one end for every call.
    expect(tell).toBeDefined();
    open.delete(event.call);
    ends.set(event.call, event.type === "done" ? "done" : event.error.reason);
    tell?.();
  };
  const command = createOnnxCore({
    ...{ decoder: simulatedDecoder(), sampler: simulatedSampler(() => true), emit },
    ...{ place: (logits: Float32Array) => logits[0] ?? 0, contextTokens: 320, kvTokens: KV_TOKENS },
    variant: "simulated",
  });
  let lastCall = 0;
  const send = (unsent: Unsent): Promise<string> => {
    const call = ++lastCall;
    return new Promise((resolve) => {
      open.set(call, () => resolve(ends.get(call) ?? ""));
      command({ ...unsent, call } as Command);
    });
  };
  return { send, ends };
}

const happening = fc.record({
  kind: fc.constantFrom(
    "open",
    "open",
    "extend",
    "generate",
    "generate",
    "fork",
    "truncate",
    "release",
    "stop",
  ),
  choice: fc.nat(10_000),
  size: fc.nat(90),
});

test(`${HISTORIES} histories of the ONNX core keep every invariant (seed ${SEED})`, async () => {
  const all = new Map<string, number>();
  const history = fc.array(happening, { minLength: 20, maxLength: 60, size: "max" });
  const run = async (events: readonly { kind: string; choice: number; size: number }[]) => {
    const { send, ends } = createWorld();
    const sequences: number[] = [];
    const name = (): number => sequences.push(sequences.length + 1);
    const plain = { binding: null, taps: [], constraint: null, speculation: null };
    const calls: Promise<string>[] = [];
    for (const { kind, choice, size } of events) {
      const sequence = sequences[choice % Math.max(1, sequences.length)] ?? 0;
      const opened = (parent: number | null): Unsent => {
        const made = opening(name(), parent, choice, size);
        const caller = { fairnessKey: "", cacheSalt: "", bypassCache: true, waitMs: (choice % 4) * 3 };
        return { ...made, ...plain, caller } as Unsent;
      };
      if (kind === "open") calls.push(send(opened(null)));
      else if (kind === "extend") calls.push(send(opened(sequence)));
      else if (kind === "generate")
        calls.push(send({ ...generation(sequence, choice, size), ...plain } as Unsent));
      else if (kind === "fork") {
        const children = Array.from({ length: 1 + (choice % 3) }, name);
        calls.push(send({ type: "fork", sequence, children }));
        for (const child of children)
          calls.push(send({ ...generation(child, choice, size), ...plain } as Unsent));
      } else if (kind === "truncate") calls.push(send({ type: "truncate", sequence, tokens: 1 + size }));
      else calls.push(send({ type: kind as "release" | "stop", sequences: [sequence] }));
      if (choice % 3 === 0) await Bun.sleep(choice % 2);
    }
    await Promise.all(calls);
    await send({ type: "release", sequences });
    for (const how of ends.values()) all.set(how, (all.get(how) ?? 0) + 1);
    // All of it is back: a text that takes the whole memory is let in at once.
    const whole = { ...opening(name(), null, 1, 0), ids: textOf(1, KV_TOKENS), complete: true, score: null };
    const caller = { fairnessKey: "", cacheSalt: "", bypassCache: true, waitMs: 0 };
    expect(await send({ ...whole, ...plain, caller, transient: true } as Unsent)).toBe("done");
  };
  await fc.assert(fc.asyncProperty(history, run), { seed: SEED, numRuns: HISTORIES });
  for (const how of ["done", "OUT_OF_MEMORY", "CANCELLED"]) expect(all.get(how)).toBeGreaterThan(0);
});
