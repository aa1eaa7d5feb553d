/** How a page looks: the screens it is looked at on, and what an accessibility engine and a ruler find. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Both colour schemes, and a phone. */
export const SCREENS = [
  { name: "light", colorScheme: "light", viewport: { width: 1400, height: 900 } },
  { name: "dark", colorScheme: "dark", viewport: { width: 1400, height: 900 } },
  { name: "phone", colorScheme: "light", viewport: { width: 360, height: 800 } },
] as const;

/** Accessibility rules broken, with the places. */
export async function violations(page: Page): Promise<string[]> {
  // The engine is injected by the test through the debugger, past the page's own policy.
  await page.evaluate(AXE);
  const found = await page.evaluate(
    "axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target}`)))",
  );
  return found as string[];
}

/** Pixels by which the page is wider than its window. */
export async function widthOver(page: Page): Promise<number> {
  const width = "document.documentElement.scrollWidth - innerWidth";
  return Math.max(0, (await page.evaluate(width)) as number);
}
