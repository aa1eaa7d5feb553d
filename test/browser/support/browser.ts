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
/** For what must be seen at some time, on a machine that is slow and taken. */
const PATIENCE_MS = 100_000;

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
  /** Stops the whole server; what it answers with starts it again on the same port. */
  readonly stop: () => Promise<() => Promise<void>>;
  /** Opens a view in a fresh profile. */
  open(view: string, options?: BrowserContextOptions): Promise<Opened>;
  close(): Promise<void>;
}

/** What a playground is started with. */
interface PlaygroundOptions {
  /** A direction "cheerful" is stored. */
  readonly direction?: boolean;
  readonly modelPath?: string;
  /** A key file: the server then wants a key. */
  readonly keys?: string;
}

/** Starts both. */
export async function startPlayground(options: PlaygroundOptions = {}): Promise<Playground> {
  const { direction = false, modelPath = defaultModelPath(), keys = "" } = options;
  mkdirSync(SCREENSHOTS, { recursive: true });
  const store = mkdtempSync(join(tmpdir(), "trimtab-page-"));
  process.env.TRIMTAB_STORE = store;
  process.env.TRIMTAB_KEYS = keys || join(store, "no-keys.json");
  const listen = { host: "127.0.0.1", grpcPort: 0, httpPort: 0 };
  let stack = await startStack({ modelPath, threads: THREADS, ...listen });
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
    forwardPid: () => stack.forwardPid(),
    async stop() {
      const { httpPort } = stack;
      await stack.close({ graceMs: 0 });
      return async () => {
        stack = await startStack({ modelPath, threads: THREADS, ...listen, httpPort });
      };
    },
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
  page.setDefaultTimeout(PATIENCE_MS);
  const errors: string[] = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(url);
  await page.getByRole("link", { name: "Service" }).waitFor();
  return { page, errors, close: () => context.close() };
}
