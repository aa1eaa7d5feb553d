/** Where chance begins in a test: in `npm test` at the same place every time, in the long run somewhere else each time. */

/**
 * The seed of a test. A landing must not depend on chance, so the short run has the seed that is written beside the test; what nobody
 * has seen yet is looked for in the long run.
 * @param fixed that of the short run.
 * @param variable names the variable of the environment that sets it, to repeat a failure.
 */
export function seedOf(fixed: number, variable = "TRIMTAB_TEST_SEED"): number {
  const given = process.env[variable];
  if (given !== undefined) return Number(given);
  return process.env["TRIMTAB_TEST_FULL"] === "1" ? Date.now() % 1_000_000_000 : fixed;
}
