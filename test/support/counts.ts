/** How much a test did, for the table that a whole run ends with. */
import { appendFileSync } from "node:fs";

/** Hands a count over; alone, without a run that collects them, it goes nowhere. */
export function reportCount(what: string, count: number, note = ""): void {
  const file = process.env["TRIMTAB_TEST_COUNTS"];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ what, count, note })}\n`);
}
