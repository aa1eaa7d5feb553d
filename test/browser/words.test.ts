/** Words of the user: two tabs at once, a very long paste, a lost network; nothing that was typed is ever lost. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type Playground, startPlayground } from "./support/browser.ts";
import { answerTexts, ask, limitTokens, waitForTurn } from "./support/chat.ts";

setDefaultTimeout(240_000);
let playground: Playground;
beforeAll(async () => {
  playground = await startPlayground();
});
afterAll(() => playground.close());

test("two tabs keep conversations of their own, also after a reload; the next visit finds the first one's", async () => {
  const { page: first, close } = await playground.open("chat");
  await limitTokens(first, 3);
  await ask(first, "in the first tab");
  await waitForTurn(first);
  const second = await first.context().newPage();
  await second.goto(first.url());
  await ask(second, "in the second tab");
  await waitForTurn(second);
  await first.getByLabel("Your question").fill("typed in the first");
  await second.getByLabel("Your question").fill("typed in the second");
  for (const [tab, which] of [
    [first, "first"],
    [second, "second"],
  ] as const) {
    await tab.reload();
    await tab.locator(".question p").waitFor();
    expect(await tab.locator(".question p").allInnerTexts()).toEqual([`in the ${which} tab`]);
    expect(await tab.getByLabel("Your question").inputValue()).toBe(`typed in the ${which}`);
  }
  await Promise.all([first.close(), second.close()]);
  const later = await first.context().newPage();
  await later.goto(playground.url);
  await later.locator(".question p").waitFor();
  expect(await later.locator(".question p").allInnerTexts()).toEqual(["in the first tab"]);
  await close();
});

test("a paste of 4,000 tokens is answered", async () => {
  const { page, close } = await playground.open("chat");
  await limitTokens(page, 3);
  await ask(page, "one two three four ".repeat(1_000));
  // Three seconds at rest, a minute and more beside other work.
  const ended = page.getByText(/tokens\/s$/).or(page.getByRole("alert"));
  await ended.waitFor({ timeout: 170_000 });
  expect(await page.locator(".token").count()).toBeGreaterThan(0);
  await close();
});

test("without a network the page says so, keeps the question, and a retry works when it is back", async () => {
  const { page, close } = await playground.open("chat");
  await limitTokens(page, 3);
  await page.getByLabel("Model").locator("option").waitFor({ state: "attached" });
  await page.context().setOffline(true);
  await ask(page, "Is anybody there?");
  await page.getByRole("alert").getByText("The server cannot be reached").waitFor();
  expect(await page.locator(".question p").innerText()).toBe("Is anybody there?");
  await page.context().setOffline(false);
  await page.getByRole("button", { name: "Retry" }).last().click();
  await waitForTurn(page);
  await close();
});

test("a server that goes away in mid-answer: what came stays, words say so, and a retry works when it is back", async () => {
  const { page, close } = await playground.open("chat");
  await limitTokens(page, 2_000);
  await ask(page, "Tell me a very long story.");
  await page.locator(".token").nth(3).waitFor();
  const start = await playground.stop();
  await page.getByRole("alert").first().waitFor();
  expect((await answerTexts(page)).join("").length).toBeGreaterThan(2);
  await page.getByLabel("Your question").fill("typed while it was away");
  await limitTokens(page, 4);
  await start();
  for (let attempt = 0; attempt < 20 && (await page.getByText(/tokens\/s$/).count()) === 0; attempt++) {
    const retry = page
      .locator(".turn")
      .getByRole("button", { name: /^Retry/ })
      .last();
    await retry.click({ timeout: 1_000 }).catch(() => {});
    await page.waitForTimeout(1_000);
  }
  await waitForTurn(page);
  expect(await page.getByLabel("Your question").inputValue()).toBe("typed while it was away");
  await close();
});

test("nothing moves while answers stream", async () => {
  const { page, close } = await playground.open("chat");
  await page.evaluate(`
    globalThis.shifts = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.shifts += entry.value;
    }).observe({ type: "layout-shift", buffered: false });
  `);
  await limitTokens(page, 150);
  await ask(page, "Tell me a long story about the sea.");
  await waitForTurn(page);
  // The web's own bound for "good" is 0.1; text that only grows downwards shifts nothing that was read.
  expect(await page.evaluate("globalThis.shifts")).toBeLessThan(0.05);
  await close();
});
