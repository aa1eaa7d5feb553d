/**
 * A trained probe as stored: JSON that says what it reads, its weights, its calibration, and what it was trained and
 * evaluated on. Refuses what is not one.
 */
import { z } from "zod";
import { TrimtabError } from "#kit/errors.ts";
import { PROBE_LIMITS } from "../../limits.ts";

const FORMAT = "trimtab-probe-1";
const number = z.number();
const vector = z.array(number).min(1).max(PROBE_LIMITS.width);

const reportSchema = z.strictObject({
  /** Rows and problems by part: fitted on, chosen by, reported on; no problem is in two parts. */
  rows: z.strictObject({ fit: number, choose: number, report: number }),
  problems: z.strictObject({ fit: number, choose: number, report: number }),
  /** Share of right solutions among the rows reported on. */
  positives: number,
  /** Area under the ROC curve on problems neither fitted nor chosen on. */
  auroc: number,
  /** The same over pairs of one problem alone: what a selection among candidates has of it. */
  withinProblemAuroc: number,
  /** By step, from 1; the last entry is for all later ones. */
  aurocByStep: z.array(number),
  /** The same training on shuffled labels: what chance gives. */
  shuffledAuroc: number,
  /** Expected calibration error in ten bins of equal size, after calibration. */
  calibrationError: number,
  l2: number,
});

const probeSchema = z.strictObject({
  format: z.literal(FORMAT),
  modelDigest: z.string().regex(/^[0-9a-f]{64}$/),
  site: z.literal("residual"),
  layer: z.int().min(0).max(511),
  weights: vector,
  bias: number,
  mean: vector,
  scale: vector,
  /** Platt: probability = sigmoid(slope · logit + intercept). */
  calibration: z.strictObject({ slope: number, intercept: number }),
  report: reportSchema,
  /** Ids of all problems it has seen, so that none of them is evaluated. */
  problemIds: z.array(z.string()).max(PROBE_LIMITS.problems),
});

/** A trained probe. */
export type Probe = z.infer<typeof probeSchema>;
/** What is known of how good it is. */
export type ProbeReport = z.infer<typeof reportSchema>;

/** Below this area under the ROC curve a probe is useless, and says so. */
export const LEAST_AUROC = 0.6;

/** True if it may be used. */
export const isUseful = ({ report }: Pick<Probe, "report">): boolean => report.auroc >= LEAST_AUROC;

/** Bytes to store. */
export function writeProbe(probe: Omit<Probe, "format">): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ format: FORMAT, ...probe }));
}

/** Reads stored bytes. @throws TrimtabError ARTIFACT_INVALID. */
export function readProbe(bytes: Uint8Array): Probe {
  const field = "probe";
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new TrimtabError("ARTIFACT_INVALID", "the probe is not JSON", { field, cause });
  }
  const { data, error } = probeSchema.safeParse(parsed);
  if (!data)
    throw new TrimtabError("ARTIFACT_INVALID", `not a probe: ${error.issues[0]?.message}`, { field });
  if (data.mean.length !== data.weights.length || data.scale.length !== data.weights.length) {
    throw new TrimtabError("ARTIFACT_INVALID", "the probe's vectors differ in length", { field });
  }
  return data;
}
