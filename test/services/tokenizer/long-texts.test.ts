/** Long texts: none is out of proportion, and nobody waits for somebody else's. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import { startTokenizer } from "../../support/tokenizer-service.ts";

setDefaultTimeout(120_000);
const MIB = 1024 * 1024;
const isFull = process.env.TRIMTAB_TEST_FULL === "1";
/** The longest text there is, or a part of it. */
const LONGEST = isFull ? MIB : MIB / 4;
const SIZE = LONGEST / 2;
const RUNS = 5;

const { room, client } = await startTokenizer();
afterAll(() => room.close());

/** Processor time of all threads of this process for a text: what other processes do meanwhile does not count. */
async function processorMsOf(unit: string, sizeBytes: number): Promise<number> {
  const text = unit.repeat(Math.floor(sizeBytes / Buffer.byteLength(unit)));
  const before = process.cpuUsage();
  await client.encode({ texts: [text] });
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** Fastest of two runs: a collection of garbage falls into one of them. */
const fastest = async (unit: string): Promise<number> =>
  Math.min(await processorMsOf(unit, SIZE), await processorMsOf(unit, SIZE));

test("K1 no repeated character takes more than ten times as long as prose of the same size", async () => {
  const prose = "The quick brown fox jumps over the lazy dog. ";
  await processorMsOf(prose, SIZE);
  const limit = 10 * (await fastest(prose));
  for (const unit of ["a", "_", " ", "\n", "^", "-", "\u00a0", "😀", "é", "e\u0301"]) {
    expect({ unit, isSlow: (await fastest(unit)) > limit }).toEqual({ unit, isSlow: false });
  }
});

test("K1 twice the text takes at most three times as long", async () => {
  // The fastest of interleaved runs: a pause of the machine lengthens some runs, never all of them.
  const [once, twice]: [number[], number[]] = [[], []];
  for (let run = 0; run < RUNS; run++) {
    once.push(await processorMsOf("_", SIZE));
    twice.push(await processorMsOf("_", LONGEST));
  }
  expect(Math.min(...twice) / Math.min(...once)).toBeLessThan(3);
});

test("K8 a small request is answered while large ones wait", async () => {
  const large = Array.from({ length: 8 }, () => client.encode({ texts: ["_".repeat(MIB / 4)] }));
  const order: string[] = [];
  const all = Promise.all(large).then(() => order.push("large"));
  await client.renderChat({ messages: [{ role: "user", content: "small" }] });
  order.push("small");
  await all;
  expect(order).toEqual(["small", "large"]);
});

test("a caller who leaves stops the work after the text under way", async () => {
  const leaving = new AbortController();
  const texts = Array.from({ length: 8 }, () => "a".repeat(MIB));
  const call = client.encode({ texts }, { signal: leaving.signal }).then(() => "answered", fromConnectError);
  leaving.abort();
  expect(await call).toMatchObject({ reason: "CANCELLED" });
});
