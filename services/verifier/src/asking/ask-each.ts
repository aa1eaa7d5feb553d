/**
 * Items that can be asked about, asked together; the others get their failure. Keeps the order of the batch.
 */
import type { ScoreItem } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { JUDGE_LIMITS } from "../../limits.ts";
import type { Failed, Outcome } from "../verifier.ts";

/** Asks about the items that have a conversation and an answer of bearable length. */
export async function askEach(
  batch: readonly ScoreItem[],
  ask: (items: readonly ScoreItem[]) => Promise<readonly Outcome[]>,
): Promise<Outcome[]> {
  const failures = batch.map(failureOf);
  const asked = await ask(batch.filter((_, index) => failures[index] === undefined));
  let next = 0;
  return failures.map((failure) => {
    if (failure !== undefined) return failure;
    return asked[next++] ?? { failure: "INTERNAL", reason: "the judge gave too few verdicts" };
  });
}

/** Why an item cannot be asked about; undefined if it can. */
export function failureOf({ messages, text }: ScoreItem): Failed | undefined {
  if (messages.length === 0) return { failure: "FIELD_REQUIRED", reason: "the item has no messages" };
  if (text === "") return { failure: "FIELD_REQUIRED", reason: "the item has no text" };
  if (text.length <= JUDGE_LIMITS.textChars) return undefined;
  return { failure: "TOO_LARGE", reason: `the answer is longer than ${JUDGE_LIMITS.textChars} characters` };
}
