/**
 * Random and damaged headers of GGUF files, safetensors files and model directories, read as far as a service reads them:
 * every one is accepted or refused with a typed error, every refusal of the readers is reached, work and memory stay
 * within what the file holds.
 */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { TrimtabError } from "#kit/errors.ts";
import { parseGguf } from "#kit/gguf.ts";
import { MODEL_DIRECTORY_LIMITS } from "#kit/limits.ts";
import { parseSafetensorsHeader } from "#kit/safetensors-header.ts";
import { createRandom } from "../../model/strings.ts";
import { reportCount } from "../../support/counts.ts";
import { seedOf } from "../../support/seed.ts";
import { corpusOf } from "./fuzz/corpus.ts";
import { randomDirectory } from "./fuzz/directories.ts";
import { randomFile } from "./fuzz/gguf-files.ts";
import { modelFile, readAsModel, readDirectory } from "./fuzz/models.ts";
import { mutateFile } from "./fuzz/mutate.ts";
import { listRefusals, type Refusal } from "./fuzz/refusals.ts";
import { randomHeader } from "./fuzz/safetensors-files.ts";
import { countWork } from "./fuzz/work.ts";

setDefaultTimeout(600_000);
const isFull = process.env.TRIMTAB_TEST_FULL === "1";
const SEED = seedOf(4, "TRIMTAB_FUZZ_SEED");
const HEADERS = isFull ? 200_000 : 10_000;
const DIRECTORIES = isFull ? 30_000 : 1_500;
const LEAST_PAST_HEADER = 0.3;
/** Numbers a reader may look at, a byte of the file: each once. */
const WORK_A_BYTE = 1;
const MOST_GROWTH_BYTES = 256 * 2 ** 20;

const made: string[] = [];
afterAll(() => made.forEach((path) => rmSync(path, { recursive: true, force: true })));

/** Reads `count` inputs; answers how many were accepted and the messages of the others. */
function readAll<Input>(
  count: number,
  make: (seed: number) => Input,
  read: (input: Input) => void,
): { accepted: number; messages: Set<string> } {
  let accepted = 0;
  const messages = new Set<string>();
  const before = process.memoryUsage.rss();
  for (let i = 0; i < count; i++) {
    const seed = SEED * 1_000_003 + i;
    try {
      read(make(seed));
      accepted += 1;
    } catch (error) {
      if (!(error instanceof TrimtabError)) throw new Error(`seed ${seed}`, { cause: error });
      expect(error.reason).not.toBe("INTERNAL");
      messages.add(error.message);
    }
    if (i % 500 === 0) expect(process.memoryUsage.rss() - before).toBeLessThan(MOST_GROWTH_BYTES);
  }
  return { accepted, messages };
}

function report(name: string, count: number, accepted: number): void {
  console.log(
    `${name} (seed ${SEED}): ${count} read, ${((accepted / count) * 100).toFixed(1)} % past the header`,
  );
  reportCount(`fuzz cases of ${name}`, count, `${((accepted / count) * 100).toFixed(1)} % past the header`);
  expect(accepted / count).toBeGreaterThanOrEqual(LEAST_PAST_HEADER);
}

/** The refusals no message shows. */
const unreached = (refusals: readonly Refusal[], messages: ReadonlySet<string>): string[] =>
  refusals
    .filter(({ pattern }) => ![...messages].some((message) => pattern.test(message)))
    .map(({ text }) => text);

test(`A15 GGUF: ${HEADERS} headers, every refusal reached (seed ${SEED})`, () => {
  const make = (seed: number): Uint8Array => {
    const random = createRandom(seed);
    return mutateFile(random.below(8) === 0 ? modelFile : randomFile(random), random);
  };
  const past = new Set<string>();
  const { accepted, messages } = readAll(HEADERS, make, (file) => {
    const { result, numbersRead } = countWork(() => parseGguf(file));
    expect(numbersRead).toBeLessThanOrEqual(file.length * WORK_A_BYTE);
    try {
      readAsModel(result);
    } catch (error) {
      if (!(error instanceof TrimtabError)) throw error;
      past.add(error.message);
    }
  });
  report("GGUF", HEADERS, accepted);
  for (const message of corpusOf("gguf")) messages.add(message);
  const readers = ["gguf", "gguf-cursor", "gguf-values"].map((name) => `services/kit/src/${name}.ts`);
  expect(unreached(listRefusals(readers), new Set([...messages, ...past]))).toEqual([]);
});

test(`A15 safetensors: ${HEADERS} headers, every refusal reached (seed ${SEED})`, () => {
  const { accepted, messages } = readAll(
    HEADERS,
    (seed) => randomHeader(createRandom(seed)),
    (file) => {
      const { numbersRead } = countWork(() => parseSafetensorsHeader(file, MODEL_DIRECTORY_LIMITS));
      expect(numbersRead).toBeLessThanOrEqual(file.length * WORK_A_BYTE);
    },
  );
  report("safetensors", HEADERS, accepted);
  for (const message of corpusOf("safetensors")) messages.add(message);
  const refusals = [
    ...listRefusals(["services/kit/src/safetensors-header.ts"]),
    ...listRefusals(["services/kit/src/json-scan.ts"], { returned: true }),
  ];
  expect(unreached(refusals, messages)).toEqual([]);
});

test(`A15 directories: ${DIRECTORIES} configurations and indexes, every refusal reached (seed ${SEED})`, () => {
  const make = (seed: number): string => {
    const path = randomDirectory(createRandom(seed));
    if (made.at(-1) !== path) made.push(path);
    return path;
  };
  const { accepted, messages } = readAll(DIRECTORIES, make, readDirectory);
  report("directories", DIRECTORIES, accepted);
  for (const message of corpusOf("directory")) messages.add(message);
  const readers = ["services/kit/src/model-directory.ts", "services/kit/src/json-file.ts"];
  expect(unreached(listRefusals(readers), messages)).toEqual([]);
});
