/**
 * Sampling: one row of logits to a token. Order: log-probabilities and alternatives of the raw row; penalties and bias
 * in place; mask; temperature; top-k; top-p over what top-k left; min-p relative to the likeliest; one draw in ascending
 * id order. No pass sorts the vocabulary: a histogram of distances from the largest logit finds the bin in which a
 * filter ends, and only that bin is sorted. Noise is Philox of (seed, stream, position).
 * Cost: 4 to 6 passes, about 0.15 ms for 49152 logits.
 */
import { ARENA_START, HISTOGRAM, HISTOGRAM_BINS, SCRATCH } from "../assembly/layout.ts";
import { KernelError } from "./errors.ts";
import type { KernelExports } from "./module.ts";
import { logarithm } from "./scalar-math.ts";
import type { Pointer, SampleRequest, SampleResult } from "./types.ts";

/** Most alternatives of one token. */
export const MAX_TOP_LOGPROBS = 20;
/** Largest vocabulary: what fits the sampler's scratch. */
export const MAX_VOCABULARY = 1_048_576;

/** log2 of the entries of the table of touched ids: twice as many as different ids, where there is room for that. */
const FEWEST_BITS = 4;
const MOST_BITS = 19;
/** What lies in the scratch of the threads: block masses, sort keys of up to the whole row, and at its end the table. */
const MASSES_BYTES = 65_536;
const KEY_BYTES = 8;
const ENTRY_BYTES = 16;
const ALL_IDS = 0xffffffff;
/** Ids whose mass is kept as one number; BLOCK of ../assembly/sample.ts. */
const BLOCK_IDS = 256;
/** Colder temperatures than its inverse act like it: only the largest logits are left either way. */
const LARGEST_INVERSE = 1e30;
const NOTHING: SampleResult = { id: -1, logprob: Number.NaN, top: [], finite: false };

/** Where the kept prefix of the order (logit descending, id ascending) ends: its last token. */
interface Cut {
  readonly logit: number;
  readonly id: number;
}
const NO_CUT: Cut = { logit: Number.NEGATIVE_INFINITY, id: ALL_IDS };

/** The sampler over one instance. */
export interface Sampler {
  sample(request: SampleRequest): SampleResult;
  restoreLogits(request: SampleRequest): void;
  logprobs(a: { logits: Pointer; vocabulary: number; ids: readonly number[] }): number[];
}

/** The likeliest token of the row as it is; every other request changes some of this. */
export const PLAIN_SAMPLE: Omit<SampleRequest, "logits" | "vocabulary"> = {
  ...{ temperature: 0, topK: 0, topP: 1, minP: 0, allowMask: 0, topLogprobs: 0 },
  ...{ repetitionPenalty: 1, frequencyPenalty: 0, presencePenalty: 0 },
  ...{ history: 0, historyCount: 0, answerStart: 0, bias: 0, biasCount: 0 },
  ...{ seed: 0n, stream: 0n, position: 0 },
};

/** The raw row: largest logit, Σ e^(logit - largest) and ln Σ e^logit; null when it is not finite. */
interface RawRow {
  readonly largest: number;
  readonly mass: number;
  readonly normalizer: number;
}

/** Creates a sampler; it runs on the calling thread and uses thread 0's scratch between regions. */
export function createSampler(kernels: KernelExports, memory: WebAssembly.Memory): Sampler {
  return {
    sample(request) {
      check(request);
      const { logits, vocabulary, temperature, allowMask: mask } = request;
      const row = readRow(kernels, logits, vocabulary);
      if (row === null) return NOTHING;
      const top = readTop(kernels, request, row.normalizer);
      const bits = adjust(kernels, request);
      const isRaw = bits === null && mask === 0;
      const largest = isRaw ? row.largest : largestOf(kernels, request);
      if (!Number.isFinite(largest)) return { ...NOTHING, top };
      const isGreedy = temperature === 0;
      const id = isGreedy
        ? kernels.find(logits, vocabulary, mask, largest)
        : draw(kernels, memory, request, largest, () => wholeMass(kernels, request, row, largest, bits));
      if (id < 0) return { ...NOTHING, top };
      const logit =
        bits === null
          ? (new Float32Array(memory.buffer, logits, vocabulary)[id] ?? Number.NaN)
          : kernels.rawLogit(logits, id, bits);
      return { id, logprob: logit - row.normalizer, top, finite: true };
    },
    restoreLogits(request) {
      const bits = tableBits(request);
      if (bits !== null) kernels.restore(request.logits, bits);
    },
    logprobs({ logits, vocabulary, ids }) {
      checkVocabulary(vocabulary);
      const normalizer = readRow(kernels, logits, vocabulary)?.normalizer ?? Number.NaN;
      const row = new Float32Array(memory.buffer, logits, vocabulary);
      return ids.map((id) => (row[id] ?? Number.NaN) - normalizer);
    },
  };
}

function checkVocabulary(vocabulary: number): void {
  if (Number.isInteger(vocabulary) && vocabulary >= 1 && vocabulary <= MAX_VOCABULARY) return;
  throw new KernelError(
    "SHAPE_MISMATCH",
    `a vocabulary of ${vocabulary}; 1 to ${MAX_VOCABULARY} are possible`,
  );
}

function check(request: SampleRequest): void {
  checkVocabulary(request.vocabulary);
  const { temperature, topP, minP, topK, topLogprobs, repetitionPenalty } = request;
  const isValid =
    temperature >= 0 && Number.isFinite(temperature) && topP > 0 && topP <= 1 && minP >= 0 && minP <= 1 && topK >= 0 &&
    topLogprobs >= 0 && topLogprobs <= MAX_TOP_LOGPROBS && repetitionPenalty > 0; // prettier-ignore
  if (!isValid) throw new KernelError("FIELD_OUT_OF_RANGE", "a sampling parameter is out of range");
}

function readRow(kernels: KernelExports, logits: Pointer, vocabulary: number): RawRow | null {
  const largest = kernels.scan(logits, vocabulary);
  if (!Number.isFinite(largest)) return null;
  const { logit, id } = NO_CUT;
  const mass = kernels.mass(logits, vocabulary, 0, largest, 1, 0, logit, id, logit);
  return { largest, mass, normalizer: largest + logarithm(mass) };
}

function readTop(kernels: KernelExports, request: SampleRequest, normalizer: number): SampleResult["top"] {
  const { logits, vocabulary, topLogprobs } = request;
  if (topLogprobs === 0) return [];
  const found = kernels.sortTop(logits, vocabulary, topLogprobs);
  return Array.from({ length: found }, (_, i) => ({
    id: kernels.sortedId(i) >>> 0,
    logprob: kernels.sortedLogit(i) - normalizer,
  }));
}

/** Ids that penalties and biases look at. */
function touchedIds(request: SampleRequest): number {
  const { repetitionPenalty, frequencyPenalty, presencePenalty, historyCount, biasCount } = request;
  const hasPenalty = repetitionPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0;
  return (hasPenalty ? historyCount : 0) + biasCount;
}

/** log2 of the entries of the table that knows the raw logits; null when nothing is to be applied. */
function tableBits(request: SampleRequest): number | null {
  const touched = Math.min(touchedIds(request), request.vocabulary);
  if (touched === 0) return null;
  const wanted = Math.max(FEWEST_BITS, Math.ceil(Math.log2(touched)) + 1);
  return Math.min(wanted, mostBits(request.vocabulary));
}

/** Ids, those of the history and of biases together, that one row may be adjusted by: any number where the table holds a whole vocabulary. */
export function mostTouchedIds(vocabulary: number): number {
  const most = 2 ** mostBits(vocabulary) - 1;
  return vocabulary <= most ? Number.POSITIVE_INFINITY : most;
}

/** log2 of the entries for which there is room behind the sort keys of a row. */
function mostBits(vocabulary: number): number {
  const roomBytes = ARENA_START - SCRATCH - MASSES_BYTES - vocabulary * KEY_BYTES;
  return Math.min(MOST_BITS, Math.floor(Math.log2(roomBytes / ENTRY_BYTES)));
}

/**
 * Applies penalties and bias in place.
 * @returns `tableBits`
 */
function adjust(kernels: KernelExports, request: SampleRequest): number | null {
  const bits = tableBits(request);
  if (bits === null) return null;
  const touched = touchedIds(request);
  if (touched > mostTouchedIds(request.vocabulary)) {
    throw new KernelError("FIELD_OUT_OF_RANGE", `${touched} penalties and biases are too many`);
  }
  const { logits, vocabulary, repetitionPenalty, frequencyPenalty, presencePenalty } = request;
  const { history, answerStart, bias, biasCount } = request;
  const seen = touched - biasCount;
  const penalties = [repetitionPenalty, frequencyPenalty, presencePenalty] as const;
  kernels.adjust(logits, vocabulary, bits, history, seen, answerStart, ...penalties, bias, biasCount);
  return bits;
}

/** The largest allowed logit; not finite if there is none. */
function largestOf(kernels: KernelExports, { logits, vocabulary, allowMask }: SampleRequest): number {
  return allowMask === 0 ? kernels.scan(logits, vocabulary) : kernels.largest(logits, vocabulary, allowMask);
}

/** Mass of all allowed logits at temperature 1. What is known of the raw row's blocks is not computed again. */
function wholeMass(
  kernels: KernelExports,
  request: SampleRequest,
  raw: RawRow,
  largest: number,
  bits: number | null,
): number {
  const { logits, vocabulary, allowMask: mask } = request;
  if (bits === null && mask === 0) return raw.mass;
  const isMostlyRaw = mask === 0 && largest === raw.largest && touchedIds(request) * BLOCK_IDS < vocabulary;
  if (bits !== null && isMostlyRaw) return kernels.massAdjusted(logits, vocabulary, bits, largest);
  return kernels.mass(logits, vocabulary, mask, largest, 1, 0, NO_CUT.logit, NO_CUT.id, NO_CUT.logit);
}

/** One draw; `whole` leaves the blocks of the whole row at temperature 1 in scratch and says their mass. */
function draw(
  kernels: KernelExports,
  memory: WebAssembly.Memory,
  request: SampleRequest,
  largest: number,
  whole: () => number,
): number {
  const { logits, vocabulary, allowMask: mask, temperature, minP, seed, stream, position } = request;
  const inverse = Math.min(1 / temperature, LARGEST_INVERSE);
  const cut = findCut(kernels, memory, request, largest, inverse);
  const isUnfiltered = temperature === 1 && minP === 0 && cut === NO_CUT;
  const kept = [logits, vocabulary, mask, largest, inverse, minP, cut.logit, cut.id] as const;
  const total = isUnfiltered
    ? whole()
    : kernels.mass(...kept, Math.max(cut.logit, leastLogit(request, largest)));
  const low = (value: bigint) => Number(BigInt.asUintN(32, value));
  const u = kernels.noise(low(seed), low(seed >> 32n), low(stream), low(stream >> 32n), position);
  return kernels.draw(...kept, u * total);
}

/** A logit that is surely below min-p's limit. */
function leastLogit({ temperature, minP }: SampleRequest, largest: number): number {
  if (minP === 0) return Number.NEGATIVE_INFINITY;
  return largest + temperature * (logarithm(minP) - 0.01) - Math.abs(largest) * 1e-5;
}

/** The last token that top-k and top-p keep. */
function findCut(
  kernels: KernelExports,
  memory: WebAssembly.Memory,
  request: SampleRequest,
  largest: number,
  inverse: number,
): Cut {
  const { logits, vocabulary, allowMask: mask, topK, topP } = request;
  if ((topK === 0 || topK >= vocabulary) && topP === 1) return NO_CUT;
  kernels.fillBins(logits, vocabulary, mask, largest, inverse);
  const counts = new Uint32Array(memory.buffer, HISTOGRAM, HISTOGRAM_BINS);
  const masses = new Float64Array(memory.buffer, HISTOGRAM + 2056, HISTOGRAM_BINS);
  const sort = (bin: number) => kernels.sortBin(logits, vocabulary, mask, largest, inverse, bin);
  const weight = (i: number) => kernels.weightOf(kernels.sortedLogit(i), largest, inverse);
  const cutAt = (i: number): Cut => ({ logit: kernels.sortedLogit(i), id: kernels.sortedId(i) >>> 0 });

  let cut = NO_CUT;
  let keptMass = 0;
  let left = topK === 0 ? Number.POSITIVE_INFINITY : topK;
  for (let bin = 0; bin < HISTOGRAM_BINS && left > 0; bin++) {
    const count = counts[bin] ?? 0;
    if (count <= left) {
      keptMass += masses[bin] ?? 0;
      left -= count;
      if (left > 0 || count === 0) continue;
    }
    const kept = left === 0 ? count : left;
    sort(bin);
    cut = cutAt(kept - 1);
    if (left > 0) for (let i = 0; i < kept; i++) keptMass += weight(i);
    left = 0;
  }
  if (topP === 1) return cut;

  const target = topP * keptMass;
  let sum = 0;
  for (let bin = 0; bin < HISTOGRAM_BINS; bin++) {
    const count = counts[bin] ?? 0;
    const part = masses[bin] ?? 0;
    if (count === 0 || sum + part < target) {
      sum += part;
      continue;
    }
    sort(bin);
    for (let i = 0; i < count; i++) {
      sum += weight(i);
      const here = cutAt(i);
      const isPastTopK = here.logit < cut.logit || (here.logit === cut.logit && here.id >= cut.id);
      if (sum >= target || isPastTopK) return isPastTopK ? cut : here;
    }
    sum = target;
  }
  return cut;
}
