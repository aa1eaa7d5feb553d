/** Trouble: the page says what happened, loses nothing that was typed, and recovers. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type Playground, startPlayground } from "./support/browser.ts";
import { answerTexts, ask, limitTokens, waitForTurn } from "./support/chat.ts";

setDefaultTimeout(180_000);
let playground: Playground;
beforeAll(async () => {
  playground = await startPlayground();
});
afterAll(() => playground.close());

test("when forward is killed in mid-answer the page says so, keeps the words, and a retry works", async () => {
  const { page, close } = await playground.open("chat");
  await limitTokens(page, 2_000);
  await ask(page, "Tell me a very long story.");
  await page.locator(".token").nth(3).waitFor();
  process.kill(playground.forwardPid() ?? 0, "SIGKILL");
  await page.getByRole("alert").waitFor();
  expect((await answerTexts(page)).join("").length).toBeGreaterThan(2);
  await limitTokens(page, 8);
  // Forward is started again by its supervisor; until it is there, the answer is a typed error again. Where the error says
  // when to come back, the page counts down and retries by itself, so that a button may go before it is clicked.
  for (let attempt = 0; attempt < 20; attempt++) {
    if ((await page.getByText(/tokens\/s$/).count()) > 0) break;
    const retry = page.locator(".problem").getByRole("button", { name: /^Retry/ });
    if ((await retry.count()) > 0)
      await retry
        .first()
        .click({ timeout: 1_000 })
        .catch(() => {});
    await page.waitForTimeout(1_000);
  }
  await waitForTurn(page);
  await close();
});

test("markup, scripts and right-to-left text are shown as they are and never run", async () => {
  const { page, errors, close } = await playground.open("chat");
  await limitTokens(page, 4);
  const hostile = '<img src=x onerror="document.title=1"><script>document.title=2</script> **bold** שלום 👋🏽';
  await ask(page, hostile);
  await waitForTurn(page);
  expect(await page.locator(".question p").innerText()).toBe(hostile);
  expect(await page.locator("main img, main script, .question strong").count()).toBe(0);
  expect(await page.title()).toBe("Trimtab");
  expect(errors).toEqual([]);
  await close();
});

test("a paste of more than the context holds is refused in words, and stays in the conversation", async () => {
  const { page, close } = await playground.open("chat");
  const paste = "one two three four ".repeat(4_000);
  await ask(page, paste);
  await page.getByRole("alert").waitFor();
  expect(await page.getByRole("alert").innerText()).toContain("too long");
  await page.getByRole("button", { name: "Edit" }).click();
  expect((await page.getByLabel("Your question").inputValue()).length).toBe(paste.length);
  await close();
});

test("on a slow network an answer still arrives token by token", async () => {
  const { page, close } = await playground.open("chat");
  const session = await page.context().newCDPSession(page);
  await session.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 400,
    downloadThroughput: 20_000,
    uploadThroughput: 20_000,
  });
  await limitTokens(page, 12);
  await ask(page, "Hello");
  await waitForTurn(page);
  expect(await page.locator(".token").count()).toBeGreaterThan(0);
  await close();
});
