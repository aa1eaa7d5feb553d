/** Steering while an answer runs: strength in each measure, blocks, and what cannot be changed any more. */
import { afterAll, beforeAll, setDefaultTimeout, test } from "bun:test";
import { type Playground, startPlayground } from "./support/browser.ts";
import { ask, limitTokens } from "./support/chat.ts";

setDefaultTimeout(180_000);
let playground: Playground;
beforeAll(async () => {
  playground = await startPlayground({ direction: true });
});
afterAll(() => playground.close());

test.each([
  ["scale", /^Scale/, "ArrowRight"],
  ["relative", /^Dose/, "ArrowRight"],
  ["nats", /^Dose/, "ArrowRight"],
  ["scale", "First block", "1"],
] as const)("a strength (%s) or range set while an answer runs reaches it", async (kind, field, key) => {
  const { page, close } = await playground.open("chat");
  await page.getByLabel("What steers").selectOption("direction:cheerful");
  await page.getByLabel("Strength as").selectOption(kind);
  await limitTokens(page, 1_500);
  await ask(page, "Tell me about the sea.");
  await page.locator(".token").nth(3).waitFor();
  await page.getByLabel(field).press(key);
  if (field === "First block") await page.getByLabel(field).press("Tab");
  await page.getByText("in effect from the next token on").waitFor();
  await page.getByLabel("Your question").press("Escape");
  await close();
});

test("blocks that the running answer was not started with are refused in words, and count from the next answer on", async () => {
  const { page, close } = await playground.open("chat");
  await page.getByLabel("What steers").selectOption("direction:cheerful");
  for (const [field, value] of [
    ["First block", "4"],
    ["Last block", "6"],
  ] as const)
    await page.getByLabel(field).fill(value);
  await limitTokens(page, 1_500);
  await ask(page, "Tell me about the sea.");
  await page.locator(".token").nth(3).waitFor();
  await page.getByLabel("Last block").fill("20");
  await page.getByLabel("First block").fill("10");
  await page.getByLabel("First block").press("Tab");
  await page.getByText("It can be pushed at blocks 4 to 6").waitFor();
  await page.getByLabel("Your question").press("Escape");
  await close();
});
