/** A page of a headless Chromium that is cross-origin isolated, as threads of WebAssembly need it, and the files it may fetch. */
import { join, normalize } from "node:path";
import { chromium, type Page } from "playwright-core";
import { findPeer } from "./found.ts";

/** An open page. */
export interface BrowserPage {
  readonly page: Page;
  /** Version of the browser. */
  readonly version: string;
  close(): Promise<void>;
}

const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
const ISOLATED = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};
/** Longer than a page takes to load a model on a busy machine. */
const TIMEOUT_MS = 180_000;

/**
 * Opens a page that runs `script` as a module and waits until it has set `globalThis.isReady`. Under each name of `folders` the
 * page finds the files of a folder, or one file.
 * @throws Error when there is no Chromium, or the page does not get ready.
 */
export async function openPage(
  script: string,
  folders: Readonly<Record<string, string>>,
): Promise<BrowserPage> {
  const { path: executablePath } = findPeer("chromium");
  const server = serve(
    `<!doctype html><meta charset="utf-8"><script type="module">${script}</script>`,
    folders,
  );
  const browser = await chromium.launch({ executablePath, headless: true, args: ARGS });
  const close = async (): Promise<void> => {
    await browser.close();
    await server.stop(true);
  };
  try {
    const page = await browser.newPage();
    let problem = "the page does not get ready";
    page.on("pageerror", ({ message }) => (problem = message));
    await page.goto(`http://127.0.0.1:${server.port}/`);
    await page
      .waitForFunction("globalThis.isReady === true", undefined, { timeout: TIMEOUT_MS })
      .catch(() => Promise.reject(new Error(problem)));
    return { page, version: browser.version(), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function serve(html: string, folders: Readonly<Record<string, string>>): Bun.Server<undefined> {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch({ url }) {
      const [name = "", ...rest] = normalize(new URL(url).pathname).slice(1).split("/");
      if (name === "") return new Response(html, { headers: { ...ISOLATED, "content-type": "text/html" } });
      const file = Bun.file(join(folders[name] ?? "", ...rest));
      const isThere = folders[name] !== undefined && (await file.exists());
      return isThere ? new Response(file, { headers: ISOLATED }) : new Response("", { status: 404 });
    },
  });
}
