// `npm test`, `npm run test:full`, `npm run check`: the gates, then every test suite. The last line is `N passed, N failed`.
// `npm run test:browser`: the page in Chromium; `npm run test:clients`: programs in other languages, packages, releases.
// `npm test -- kernels` runs only the test files whose path contains "kernels", without the gates.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { contractLines, countsFile } from "./lib/contract.mjs";
import { SetupFailure } from "./lib/failure.mjs";
import { listGates } from "./lib/gates.mjs";
import { ensureKernels } from "./lib/kernels.mjs";
import { ensurePage } from "./lib/page.mjs";
import { capture } from "./lib/processes.mjs";
import { inProject } from "./lib/project.mjs";
import { listSuites, runSuite } from "./lib/suites.mjs";
import { ensureTestModels } from "./lib/test-models.mjs";
import { bold, dim, formatDuration, green, red } from "./lib/terminal.mjs";

/** A suite that takes longer hangs: the longest takes some minutes, and five times as long on a machine that is slow. */
const SUITE_LIMIT_MS = 30 * 60_000;
const FULL_SUITE_LIMIT_MS = 45 * 60_000;
const NAME_COLUMNS = 48;
/** What lasts by the clock in the long run, and the suite from which on it runs beside the others: those compute, nothing is timed. */
const BESIDE = { name: "soak", from: "kernels" };

const print = (text) => process.stdout.write(`${text}\n`);

/**
 * Runs the gates and the tests and prints the result.
 * @param bun path of the pinned Bun.
 * @param options `isFull` runs the long variants, `isGatesOnly` no tests, `only` one separate folder, `args` filter the test
 *   files.
 * @returns the exit code.
 */
export async function testProject(bun, { isFull = false, isGatesOnly = false, only = "", args = [] }) {
  const startedAt = Date.now();
  const filters = args.filter((argument) => !argument.startsWith("-"));
  const results = [];
  if (filters.length === 0 && only === "") results.push(...(await runGates(bun)));
  else {
    await ensureKernels();
    await ensurePage(bun);
  }
  if (only !== "") results.push(...(await runSuites(bun, filters, isFull, only)));
  else if (!isGatesOnly) {
    const setup = inProject("test", "oracle", "setup.mjs");
    if (existsSync(setup))
      results.push(await runGate({ name: "oracle set-up (Python, llama.cpp)", run: () => runSetup(setup) }));
    results.push(await runGate({ name: "test models", run: ensureTestModels }));
    results.push(...(await runSuites(bun, filters, isFull)));
  }
  const isWhole = filters.length === 0 && only === "" && !isGatesOnly;
  return summarize(results, Date.now() - startedAt, isWhole);
}

async function runGates(bun) {
  const results = [];
  for (const gate of listGates(bun)) results.push(await runGate(gate));
  return results;
}

async function runGate({ name, run }) {
  const startedAt = Date.now();
  let problem;
  try {
    problem = await run();
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error;
    problem = [error.message, error.advice].filter(Boolean).join("\n");
  }
  const failed = problem ? 1 : 0;
  const result = {
    name,
    passed: 1 - failed,
    failed,
    skipped: 0,
    problem,
    durationMs: Date.now() - startedAt,
  };
  report(result);
  return result;
}

async function runSetup(script) {
  const { code, output } = await capture(process.execPath, [script], { cwd: inProject() });
  return code === 0 ? "" : output.trim() || `ended with code ${code}`;
}

async function runSuites(bun, filters, isFull, only = "") {
  const env = {
    ...process.env,
    TRIMTAB_TEST_COUNTS: countsFile(),
    ...(isFull ? { TRIMTAB_TEST_FULL: "1" } : {}),
  };
  const results = [];
  const run = async (suite) => {
    const limitMs = isFull ? FULL_SUITE_LIMIT_MS : SUITE_LIMIT_MS;
    const result = { name: `test/${suite.name}`, ...(await runSuite(bun, suite, { env, limitMs })) };
    report(result);
    results.push(result);
  };
  const suites = listSuites(filters, only);
  const beside = isFull ? suites.find(({ name }) => name === BESIDE.name) : undefined;
  let besideRun;
  for (const suite of suites.filter((one) => one !== beside)) {
    if (beside && suite.name >= BESIDE.from) besideRun ??= run(beside);
    await run(suite);
  }
  if (beside) await (besideRun ?? run(beside));
  return results;
}

function report({ name, passed, failed, skipped, problem, durationMs }) {
  const mark = failed > 0 ? red("✗") : green("✓");
  const counts = `${passed} passed${failed ? red(`, ${failed} failed`) : ""}${skipped ? `, ${skipped} skipped` : ""}`;
  print(`${mark} ${name.padEnd(NAME_COLUMNS)} ${counts} ${dim(`(${formatDuration(durationMs)})`)}`);
  if (problem) print(problem.replaceAll(/^/gm, "    "));
}

function printContract(results) {
  const lines = contractLines(results.flatMap(({ rows = [] }) => rows));
  const widths = [0, 1].map((column) => Math.max(...lines.map((line) => line[column].length)));
  for (const [what, count, note] of lines)
    print(`${what.padEnd(widths[0])}  ${count.padStart(widths[1])}  ${note}`.trimEnd());
  print("");
}

function summarize(results, durationMs, isWhole) {
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  const [passed, failed, skipped] = [sum("passed"), sum("failed"), sum("skipped")];
  const folder = inProject("build", "test");
  mkdirSync(folder, { recursive: true });
  const body = {
    passed,
    failed,
    skipped,
    durationMs,
    results: results.map(({ rows: _, ...result }) => result),
  };
  writeFileSync(`${folder}/summary.json`, `${JSON.stringify(body, undefined, 2)}\n`);
  const failing = results.filter((result) => result.failed > 0).map((result) => result.name);
  print("");
  if (isWhole) printContract(results);
  if (failing.length > 0) print(`${bold("failed:")} ${failing.join(", ")}`);
  if (skipped > 0) print(`${skipped} skipped (each says why)`);
  print(`took ${formatDuration(durationMs)}`);
  print(`${passed} passed, ${failed} failed`);
  return failed > 0 || passed === 0 ? 1 : 0;
}
