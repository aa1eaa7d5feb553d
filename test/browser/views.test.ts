/** Every view in both colour schemes and on a phone: no accessibility violation, no message in the console, a screenshot each. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { type Playground, SCREENSHOTS, startPlayground } from "./support/browser.ts";
import { ask, limitTokens, steer, waitForTurn } from "./support/chat.ts";

setDefaultTimeout(180_000);
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SCREENS = [
  { name: "light", colorScheme: "light", viewport: { width: 1400, height: 900 } },
  { name: "dark", colorScheme: "dark", viewport: { width: 1400, height: 900 } },
  { name: "phone", colorScheme: "light", viewport: { width: 360, height: 800 } },
] as const;

let playground: Playground;
beforeAll(async () => {
  playground = await startPlayground({ direction: true });
});
afterAll(() => playground.close());

/** Accessibility rules broken, with the places. */
async function violations(page: Page): Promise<string[]> {
  // The engine is injected by the test through the debugger, past the page's own policy.
  await page.evaluate(AXE);
  const found = await page.evaluate(
    "axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target}`)))",
  );
  return found as string[];
}

for (const { name, colorScheme, viewport } of SCREENS) {
  test(`every view, ${name}: axe finds nothing, the console is silent, nothing is wider than the screen`, async () => {
    const { page, errors, close } = await playground.open("chat", { colorScheme, viewport });
    await page.getByLabel("What steers").waitFor();
    const look = async (view: string) => {
      expect([view, await violations(page)]).toEqual([view, []]);
      const [width, inner] = (await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")) as [
        number,
        number,
      ];
      expect([view, width <= inner]).toEqual([view, true]);
      await page.screenshot({ path: join(SCREENSHOTS, `${view}-${name}.png`), fullPage: true });
    };
    await look("chat-empty");
    await steer(page);
    await limitTokens(page, 12);
    await ask(page, "What is a trim tab?");
    await waitForTurn(page);
    await page.locator(".token").nth(2).click();
    await look("chat");
    for (const view of ["Search", "Lab", "Service"]) {
      await page.getByRole("link", { name: view, exact: true }).click();
      await page.waitForTimeout(500);
      await look(view.toLowerCase());
    }
    expect(errors).toEqual([]);
    await close();
  });
}

test("the page asks nobody but its own server for anything, and its policy forbids inline code", async () => {
  const { page, close } = await playground.open("chat");
  const hosts = new Set<string>();
  page.on("request", (request) => hosts.add(new URL(request.url()).origin));
  const response = await page.reload();
  await page.getByLabel("What steers").waitFor();
  const policy = (await response?.allHeaders())?.["content-security-policy"] ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain("unsafe");
  expect([...hosts]).toEqual([new URL(playground.url).origin]);
  await close();
});
