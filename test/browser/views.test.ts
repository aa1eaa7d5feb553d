/** Every view in both colour schemes and on a phone: no accessibility violation, no message in the console, a screenshot each. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { type Playground, SCREENSHOTS, startPlayground } from "./support/browser.ts";
import { SCREENS, violations, widthOver } from "./support/looks.ts";
import { ask, limitTokens, steer, waitForTurn } from "./support/chat.ts";

setDefaultTimeout(180_000);

let playground: Playground;
beforeAll(async () => {
  playground = await startPlayground({ direction: true });
});
afterAll(() => playground.close());

for (const { name, colorScheme, viewport } of SCREENS) {
  test(`every view, ${name}: axe finds nothing, the console is silent, nothing is wider than the screen`, async () => {
    const { page, errors, close } = await playground.open("chat", { colorScheme, viewport });
    await page.getByLabel("What steers").waitFor();
    const look = async (view: string) => {
      expect([view, await violations(page)]).toEqual([view, []]);
      expect([view, await widthOver(page)]).toEqual([view, 0]);
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
