/** The TypeScript examples: connect-node in Bun, connect-web in Chromium from a page behind a proxy of one origin. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { run } from "../../interop/support/run.ts";
import { builtTypescript } from "../support/examples.ts";
import { withPage } from "../support/pages.ts";
import { BUILD_MS, environment, expectedTour } from "../support/tour.ts";

test(
  "connect-node: a steered stream, a search, a typed error, a deadline",
  async () => {
    const folder = await builtTypescript();
    const { code, out, err } = await run([process.execPath, join(folder, "node.ts")], { env: environment });
    expect({ code, err, out }).toEqual({ code: 0, err: "", out: await expectedTour("DeadlineExceeded") });
  },
  BUILD_MS,
);

test(
  "connect-web in Chromium: the same",
  async () => {
    const folder = await builtTypescript();
    await withPage(join(folder, "dist"), async (page) => {
      await page.locator("pre[aria-busy=false]").waitFor({ timeout: 60_000 });
      expect(await page.locator("pre").textContent()).toBe(await expectedTour("DeadlineExceeded"));
    });
  },
  BUILD_MS,
);
