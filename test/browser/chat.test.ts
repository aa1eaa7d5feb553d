/** Chat: two answers from one prefix, a token from inside, a dose that acts on a running answer. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import type { Locator } from "playwright-core";
import { type Playground, SCREENSHOTS, startPlayground } from "./support/browser.ts";
import { answerTexts, ask, limitTokens, steer, waitForTurn } from "./support/chat.ts";

setDefaultTimeout(180_000);
/** The text of a token: until the server has told it its place is held. */
async function toldText(shown: Locator): Promise<string> {
  await shown.filter({ hasNotText: "…" }).waitFor();
  return await shown.innerText();
}

let playground: Playground;
beforeAll(async () => {
  playground = await startPlayground({ direction: true });
});
afterAll(() => playground.close());

test("a question is answered twice, and a token tells what else it could have been, what steering did, what each block said", async () => {
  const { page, errors, close } = await playground.open("chat");
  await steer(page, "0.1");
  await limitTokens(page, 16);
  await ask(page, "How are you today?");
  await waitForTurn(page);
  const [base, steered] = await answerTexts(page);
  expect(base).not.toBe("");
  expect(steered).not.toBe(base ?? "");
  await page.locator(".layer-bars .change").nth(29).waitFor();
  expect(await page.locator(".layer-bars .change").count()).toBe(30);
  // By keyboard: focus the steered answer, walk two tokens.
  await page.getByLabel("Steered: tokens, arrow keys to walk").focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.getByText(/^token 3, id \d+$/).waitFor();
  await page.getByRole("table", { name: "What it could have been" }).locator("tr").nth(4).waitFor();
  await page.getByRole("button", { name: "Compare base and steered on these tokens" }).click();
  await page.getByText(/difference [+-]\d/).waitFor();
  expect(await page.locator(".heat canvas").getAttribute("height")).toBe("30");
  // A column a token that was drawn, though at this dose an answer holds halves of emojis.
  const drawn = await page.getByRole("article", { name: "Steered" }).locator(".token").count();
  expect(await page.locator(".heat canvas").getAttribute("width")).toBe(String(drawn));
  await page.getByRole("button", { name: "What would each block have said?" }).click();
  const lens = page.getByRole("table", { name: /^What each block would have said/ });
  await lens.locator("tr").nth(29).waitFor();
  await page.screenshot({ path: join(SCREENSHOTS, "chat-inside.png"), fullPage: true });
  expect(await lens.locator("tr").count()).toBe(30);
  // The last block's guess is the model's own.
  const alternatives = page.getByRole("table", { name: "What it could have been" });
  const [guess, likeliest] = [lens.locator("tr").first(), alternatives].map((table) =>
    table.locator("code").first(),
  ) as [Locator, Locator];
  expect(await toldText(guess)).toBe(await toldText(likeliest));
  expect(errors).toEqual([]);
  await close();
});

test("an answer that ends in half an emoji is read as the tokens it was drawn as", async () => {
  const { page, errors, close } = await playground.open("chat");
  await steer(page, "0.03");
  await limitTokens(page, 2);
  await ask(page, "Write only emojis: 🎉🎊🎉🎊🎉");
  await waitForTurn(page);
  const base = page.getByRole("article", { name: "As the model is" });
  await base.locator(".answer-text", { hasText: /\uFFFD$/ }).waitFor();
  await base.locator(".token").last().hover();
  await page.getByRole("button", { name: "Compare base and steered on these tokens" }).click();
  await page.getByText(/difference [+-]\d/).waitFor();
  expect(await page.locator(".heat canvas").getAttribute("width")).toBe("2");
  await page.getByRole("button", { name: "What would each block have said?" }).click();
  const lens = page.getByRole("table", { name: /^What each block would have said/ });
  await lens.waitFor();
  // The base answer is greedy: the last block's first guess is the token itself.
  const chosen = page.getByRole("table", { name: "What it could have been" }).locator("tr.chosen code");
  const guess = lens.locator("tr").first().locator("code").first();
  expect(await toldText(guess)).toBe(await toldText(chosen));
  expect(errors).toEqual([]);
  await close();
});

test("emoji of several tokens are drawn whole, and right-to-left text runs its way", async () => {
  const { page, errors, close } = await playground.open("chat");
  await limitTokens(page, 12);
  await ask(page, "Write only emojis: 🎉🎊🎉🎊🎉");
  await waitForTurn(page);
  const [text = ""] = await answerTexts(page);
  const tokens = await page.locator(".token").count();
  expect(text).toMatch(/\p{Extended_Pictographic}/u);
  // Only the last character can be cut off by the length.
  expect([...text].slice(0, -1)).not.toContain("\uFFFD");
  expect(tokens).toBe(12);
  await ask(page, "שלום, מה שלומך?");
  await waitForTurn(page, 2);
  const direction = "getComputedStyle([...document.querySelectorAll('.question p')].at(-1)).direction";
  expect(await page.evaluate(direction)).toBe("rtl");
  expect(errors).toEqual([]);
  await close();
});

test("stop ends an answer and keeps what came; retry, edit and keep go on from there; nothing is forgotten by a reload", async () => {
  const { page, errors, close } = await playground.open("chat");
  await limitTokens(page, 2_000);
  await ask(page, "Tell me a very long story about the sea.");
  await page.locator(".token").nth(5).waitFor();
  await page.getByLabel("Your question").press("Escape");
  await page.getByText("stopped").waitFor();
  const [kept = ""] = await answerTexts(page);
  expect(kept.length).toBeGreaterThan(5);
  await limitTokens(page, 8);
  await page.getByRole("button", { name: "Edit" }).click();
  expect(await page.getByLabel("Your question").inputValue()).toContain("very long story");
  await ask(page, "Say hello.");
  await waitForTurn(page);
  await ask(page, "And again?");
  await waitForTurn(page, 2);
  await page.getByLabel("Your question").fill("not sent yet");
  await page.reload();
  expect(await page.locator(".question p").allInnerTexts()).toEqual(["Say hello.", "And again?"]);
  expect(await page.getByLabel("Your question").inputValue()).toBe("not sent yet");
  expect(errors).toEqual([]);
  await close();
});
