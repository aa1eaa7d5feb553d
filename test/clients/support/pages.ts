/** A page in Chromium that comes from one origin with the gateway, as behind a proxy. */
import { join } from "node:path";
import { type Page } from "playwright-core";
import { launchChromium } from "../../browser/support/browser.ts";
import { served } from "../../interop/support/shared.ts";

/** Serves the files of `folder`, passes everything else to the gateway, opens `index.html` and lets `use` look at it. */
export async function withPage(folder: string, use: (page: Page) => Promise<void>): Promise<void> {
  const gateway = `http://127.0.0.1:${served.httpPort}`;
  const proxy = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const file = Bun.file(join(folder, pathname === "/" ? "index.html" : pathname));
      if (await file.exists()) return new Response(file);
      const { method, headers, body, signal } = request;
      return fetch(gateway + pathname, { method, headers: withoutHost(headers), body, signal });
    },
  });
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(`http://127.0.0.1:${proxy.port}/`);
    await use(page);
    if (errors.length > 0) throw new Error(errors.join("\n"));
  } finally {
    await browser.close();
    await proxy.stop(true);
  }
}

function withoutHost(headers: Headers): Headers {
  const kept = new Headers(headers);
  kept.delete("host");
  return kept;
}
