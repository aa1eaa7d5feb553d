/**
 * A real Chromium on the real page: one stack and one browser a test file, a fresh profile a test, and every message of the
 * console kept. The stack is the one `trimtab serve` starts, with an artifact store of its own.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { startStack } from "../../../cli/src/compose.ts";
import { defaultModelPath } from "#kit/paths.ts";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const THREADS = 2;

/** Where screenshots go; printed by `npm run test:browser`. */
export const SCREENSHOTS = join(import.meta.dir, "..", "..", "..", "build", "screenshots");

/** A page with what its console said. */
export interface Opened {
  readonly page: Page;
  /** Errors of the console and of scripts, in order. */
  readonly errors: readonly string[];
  close(): Promise<void>;
}

/** A stack with a browser. */
export interface Playground {
  readonly url: string;
  /** Process id of the forward service. */
  readonly forwardPid: () => number | undefined;
  /** Opens a view in a fresh profile. */
  open(view: string, options?: BrowserContextOptions): Promise<Opened>;
  close(): Promise<void>;
}

/** Starts both; with `direction` a direction "cheerful" is stored. */
export async function startPlayground({ direction = false } = {}): Promise<Playground> {
  mkdirSync(SCREENSHOTS, { recursive: true });
  const store = mkdtempSync(join(tmpdir(), "trimtab-page-"));
  process.env.TRIMTAB_STORE = store;
  const listen = { host: "127.0.0.1", grpcPort: 0, httpPort: 0 };
  const stack = await startStack({ modelPath: defaultModelPath(), threads: THREADS, ...listen });
  if (direction) {
    await stack.client.extractVector({
      name: "cheerful",
      positive: ["I love this wonderful day!", "What a joy, how happy I am!"],
      negative: ["I hate this awful day.", "What a misery, how sad I am."],
    });
  }
  const browser = await launchChromium();
  const url = `http://127.0.0.1:${stack.httpPort}/`;
  return {
    url,
    forwardPid: stack.forwardPid,
    open: (view, options) => openPage(browser, `${url}#view=${view}`, options),
    async close() {
      await browser.close();
      await stack.close();
      rmSync(store, { recursive: true, force: true });
    },
  };
}

/** The Chromium that `npm run test:browser` found. */
export function launchChromium(): Promise<Browser> {
  const path = process.env.TRIMTAB_CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath: path, args: FLAGS });
}

async function openPage(browser: Browser, url: string, options?: BrowserContextOptions): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(url);
  await page.getByRole("link", { name: "Service" }).waitFor();
  return { page, errors, close: () => context.close() };
}
