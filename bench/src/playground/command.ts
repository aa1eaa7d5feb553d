/** `bench page`: what the page weighs, what a frame costs it, and how soon a token is seen, beside what must hold. */
import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { type Browser, chromium, type Page } from "playwright-core";
import { describeMachine } from "../machine.ts";
import { findPeer } from "../peers/found.ts";
import { firstTokenMs, watchFirstToken } from "./first-token.ts";
import { frameWork } from "./frames.ts";
import { SHOWN, startSyntheticGateway } from "./synthetic-gateway.ts";

const PAGE = join(import.meta.dir, "..", "..", "..", "build", "page");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
const VIEWPORT = { width: 1_400, height: 900 };
const QUESTIONS = 7;
const STEPS = 200;
/** A key that is held down repeats about so often. */
const REPEAT_MS = 33;
const STREAM_MS = 180_000;
const KIB = 1_024;
/** What must hold. */
const MUSTS = { gzipKib: 120, frameMs: 16, firstTokenMs: 100 };

/** One line of the result. */
interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** At most this. */
  readonly must?: number;
}

/** Adds the command. */
export function addPageBench(program: Command): void {
  program
    .command("page")
    .description(
      `weight of the page, work a frame with ${SHOWN.tokens} tokens x ${SHOWN.layers} blocks, first token`,
    )
    .option("--json <file>", "write the rows to a file")
    .action(async ({ json }: { json?: string }) => {
      const rows = [...weights(), ...(await measure())];
      const machine = await describeMachine();
      for (const row of rows) process.stdout.write(`${lineOf(row)}\n`);
      if (json !== undefined) await writeFile(json, `${JSON.stringify({ ...machine, rows }, null, 2)}\n`);
      if (rows.some(({ value, must = Infinity }) => value > must)) process.exitCode = 1;
    });
}

function lineOf({ what, value, unit, must }: Row): string {
  const bound = must === undefined ? "" : `  must be at most ${must}: ${value <= must ? "holds" : "MISSED"}`;
  return `${what.padEnd(64)} ${value.toFixed(1).padStart(7)} ${unit.padEnd(4)}${bound}`;
}

/** Gzip sizes as the gateway sends them. */
function weights(): Row[] {
  const files = readdirSync(PAGE).filter((name) => /\.(html|js|css|svg)$/.test(name));
  const sizes = files.map((name) => Bun.gzipSync(readFileSync(join(PAGE, name)), { level: 9 }).length);
  const all = sizes.reduce((sum, size) => sum + size, 0);
  return [
    ...files.map((name, index) => ({
      ...{ what: `weight of ${name.replace(/-\w+\./, ".")}, gzip` },
      ...{ value: (sizes[index] ?? 0) / KIB, unit: "KiB" },
    })),
    { what: "weight of all, gzip", value: all / KIB, unit: "KiB", must: MUSTS.gzipKib },
  ];
}

async function measure(): Promise<Row[]> {
  const server = await startSyntheticGateway(PAGE);
  const { path: executablePath } = findPeer("chromium");
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  try {
    return [...(await measureFirst(browser, server.url)), ...(await measureFrames(browser, server.url))];
  } finally {
    await browser.close();
    await server.close();
  }
}

async function open(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage({ viewport: VIEWPORT });
  await watchFirstToken(page);
  await page.goto(`${url}#view=chat`);
  await page.getByLabel("What steers").selectOption("direction:synthetic");
  return page;
}

async function ask(page: Page, tokens: number): Promise<void> {
  await page.getByLabel("Most tokens").fill(String(tokens));
  await page.getByLabel("Most tokens").press("Tab");
  await page.getByLabel("Your question").fill("Tell me about the sea.");
  await page.getByLabel("Your question").press("Enter");
}

async function measureFirst(browser: Browser, url: string): Promise<Row[]> {
  const page = await open(browser, url);
  const times: number[] = [];
  for (let index = 0; index < QUESTIONS; index++) {
    if (index > 0) await page.getByRole("button", { name: "Clear the conversation" }).click();
    await ask(page, 8);
    times.push(await firstTokenMs(page));
    await page.getByText(/tokens\/s$/).waitFor();
  }
  await page.close();
  const what = `first token painted after it arrived, largest of ${QUESTIONS}`;
  return [{ what, value: Math.max(...times), unit: "ms", must: MUSTS.firstTokenMs }];
}

async function measureFrames(browser: Browser, url: string): Promise<Row[]> {
  const page = await open(browser, url);
  const size = `${SHOWN.tokens} tokens x 2`;
  const streaming = await frameWork(browser, page, async () => {
    await ask(page, SHOWN.tokens);
    await page.locator(".token").first().waitFor();
    await page.locator(".token").first().click();
    await page.getByText(/tokens\/s$/).waitFor({ timeout: STREAM_MS });
  });
  await page.getByRole("button", { name: "Compare base and steered on these tokens" }).click();
  await page.locator(`.heat canvas[width="${SHOWN.tokens}"][height="${SHOWN.layers}"]`).waitFor();
  await page.getByLabel("Steered: tokens, arrow keys to walk").focus();
  const walking = await frameWork(browser, page, async () => {
    for (let step = 0; step < STEPS; step++) {
      await page.keyboard.press("ArrowRight");
      await page.waitForTimeout(REPEAT_MS);
    }
  });
  const rowsOf = (frames: readonly number[], what: string): Row[] => {
    const sorted = frames.toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
    return [
      { what: `work a frame while ${what}, median of ${frames.length}`, value: at(0.5), unit: "ms" },
      { what: `work a frame while ${what}, p95`, value: at(0.95), unit: "ms", must: MUSTS.frameMs },
      { what: `work a frame while ${what}, largest`, value: at(1), unit: "ms" },
    ];
  };
  return [
    ...rowsOf(streaming, `${size} stream`),
    ...rowsOf(walking, `walking over a map of ${SHOWN.tokens} x ${SHOWN.layers}`),
  ];
}
