// Finds the test suites (one a top-level folder of test/, one a service, the soak) and runs each in a Bun process of its own, so that a crash
// or a hang is that suite's and no other's. Counts come from the JUnit report; a process that ends badly without a failed test
// in its report (a crash, an error outside any test) counts as one failure.

import { spawn } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { readRows } from "./contract.mjs";
import { inProject } from "./project.mjs";

const TEST_FILE = /\.test\.ts$/;
/** Folders of test/ that need more than Node, npm and Python: they run only when asked for by name. */
const SEPARATE_FOLDERS = new Set(["browser", "clients"]);
/** Folders of test/ whose sub-folders are suites of their own. */
const SPLIT_FOLDERS = new Set(["services"]);
/** Files that are suites of their own. */
const OWN_SUITES = new Map([["test/fault/soak.test.ts", "soak"]]);
/** A test that takes longer hangs: several times what the slowest without a limit of its own takes on a slow machine that is taken. */
const TEST_TIMEOUT_MS = 120_000;
const FORWARDED_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Lists the suites, those with a file whose path contains one of `filters` when there are any; of the separate folders the
 * one named by `only`, or none.
 * @returns `[{ name, files }]`, sorted, files relative to the project with forward slashes.
 */
export function listSuites(filters = [], only = "") {
  const suites = new Map();
  const entries = readdirSync(inProject("test"), { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile() || !TEST_FILE.test(entry.name)) continue;
    const path = relative(inProject(), join(entry.parentPath ?? entry.path, entry.name))
      .split(sep)
      .join("/");
    const top = path.split("/")[1];
    if (only === "" ? SEPARATE_FOLDERS.has(top) : top !== only) continue;
    if (filters.length > 0 && !filters.some((filter) => path.includes(filter))) continue;
    const parts = path.split("/");
    const depth = SPLIT_FOLDERS.has(parts[1]) ? 2 : 1;
    const folders = parts.slice(1, Math.min(1 + depth, parts.length - 1)).join("/") || "test";
    const name = OWN_SUITES.get(path) ?? folders;
    suites.set(name, [...(suites.get(name) ?? []), path]);
  }
  return [...suites]
    .map(([name, files]) => ({ name, files: files.sort() }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

/**
 * Runs one suite; its output goes to ours.
 * @returns `{ passed, failed, skipped, rows, problem, durationMs }`; `rows` are those of the contract, a list a passed test;
 *   `problem` says what went wrong outside the tests.
 */
export async function runSuite(bun, suite, { env, limitMs }) {
  const startedAt = Date.now();
  const report = join(tmpdir(), `trimtab-${process.pid}-${suite.name.replaceAll("/", "-")}.xml`);
  const flags = [
    "--only-failures",
    `--timeout=${TEST_TIMEOUT_MS}`,
    "--reporter=junit",
    `--reporter-outfile=${report}`,
  ];
  const ending = await runProcess(
    bun,
    ["test", ...flags, ...suite.files.map((path) => `./${path}`)],
    env,
    limitMs,
  );
  const counts = readReport(report);
  rmSync(report, { force: true });
  const isUnexplained = ending.code !== 0 && counts.failed === 0;
  const isEmpty = ending.code === 0 && counts.passed + counts.skipped === 0;
  return {
    ...counts,
    failed: counts.failed + (isUnexplained || isEmpty ? 1 : 0),
    problem: isUnexplained ? ending.text : isEmpty ? "ran no test" : "",
    durationMs: Date.now() - startedAt,
  };
}

function runProcess(bun, args, env, limitMs) {
  return new Promise((resolve) => {
    const isGroup = process.platform !== "win32";
    const options = { cwd: inProject(), env, stdio: ["ignore", "inherit", "inherit"], detached: isGroup };
    const child = spawn(bun, args, options);
    const kill = (signal) => {
      try {
        process.kill(isGroup ? -child.pid : child.pid, signal);
      } catch {
        // Already gone.
      }
    };
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      kill("SIGKILL");
    }, limitMs);
    const onSignal = (signal) => {
      kill("SIGKILL");
      // After the other suite that runs, if there is one, has been ended like this.
      setImmediate(() => process.exit(signal === "SIGINT" ? 130 : 143));
    };
    FORWARDED_SIGNALS.forEach((signal) => process.on(signal, onSignal));
    child.once("error", (error) => resolve({ code: 127, text: error.message }));
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      FORWARDED_SIGNALS.forEach((name) => process.off(name, onSignal));
      // Whatever the suite started and left behind ends with it.
      kill("SIGKILL");
      const how = signal ? `was killed by ${signal}` : `ended with code ${code} and no failed test`;
      resolve({
        code: code ?? 1,
        text: isLate ? `did not end within ${limitMs / 1000} s` : `the test process ${how}`,
      });
    });
  });
}

function readReport(path) {
  let text = "";
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return { passed: 0, failed: 0, skipped: 0, rows: [] };
  }
  const head = /<testsuites[^>]*>/.exec(text)?.[0] ?? "";
  const read = (name) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const failed = read("failures") + read("errors");
  const skipped = read("skipped");
  return { passed: read("tests") - failed - skipped, failed, skipped, rows: readRows(text) };
}
