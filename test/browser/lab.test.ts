/** Lab: a direction from sentences, tried at once; a recipe build that is seen to progress and is cancelled. Service: load. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { type Playground, SCREENSHOTS, startPlayground } from "./support/browser.ts";
import { answerTexts, ask, limitTokens, waitForTurn } from "./support/chat.ts";

setDefaultTimeout(480_000);
let playground: Playground;
beforeAll(async () => {
  playground = await startPlayground();
});
afterAll(() => playground.close());

test("two kinds of sentences become a direction, and one click steers the chat with it", async () => {
  const { page, errors, close } = await playground.open("lab");
  await page.getByLabel("Name", { exact: true }).fill("pirate");
  await page
    .getByLabel("Sentences that show it")
    .fill("Arr, me hearties, hoist the sails!\nAye, ye scurvy dog!");
  await page
    .getByLabel("Sentences that do not")
    .fill("Hello everyone, let us begin.\nYes, of course, my friend.");
  await page.getByRole("button", { name: "Extract" }).click();
  await page.getByText("Direction “pirate” is stored.").waitFor();
  await page.getByRole("button", { name: "Try it in the chat" }).click();
  expect(await page.getByLabel("What steers").inputValue()).toBe("direction:pirate");
  await limitTokens(page, 12);
  await ask(page, "Who are you?");
  await waitForTurn(page);
  const [base, steered] = await answerTexts(page);
  expect(steered).not.toBe(base ?? "");
  expect(errors).toEqual([]);
  await close();
});

test("a name the server would refuse is refused before it is sent, and words say why", async () => {
  const { page, close } = await playground.open("lab");
  await page.getByLabel("Name", { exact: true }).fill("Not A Name");
  await page.getByRole("button", { name: "Extract" }).click();
  expect(
    await page
      .getByLabel("Name", { exact: true })
      .evaluate((input) => (input as { validationMessage?: string }).validationMessage),
  ).not.toBe("");
  await close();
});

test("a recipe build shows its phase and share, survives leaving the view, and can be cancelled", async () => {
  const { page, close } = await playground.open("lab");
  const refusal = page.getByRole("article").filter({ hasText: /^refusal/ });
  await refusal.getByRole("button", { name: "Build", exact: true }).click();
  await page.getByRole("progressbar").waitFor();
  await page.getByRole("link", { name: "Service" }).click();
  await page.getByRole("columnheader", { name: "Context" }).waitFor();
  await page.getByRole("link", { name: "Lab" }).click();
  await page.getByText(/^\d of \d: \w+/).waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText("The build was cancelled.").waitFor();
  await close();
});

test("a sweep is seen at work, drawn as points that can be chosen, and its best is tried in the chat", async () => {
  const { page, errors, close } = await playground.open("lab");
  const panel = page.getByRole("region", { name: "Sweep" });
  for (const [label, value] of [
    ["Methods", "random_direction"],
    ["Middle blocks of the windows", "15"],
    ["Relative doses", "0.05, 0.4"],
    ["Prompts a class to fit on", "2"],
    ["Tokens to spend", "400"],
  ] as const)
    await panel.getByLabel(label).fill(value);
  await panel.getByRole("button", { name: "Sweep", exact: true }).click();
  await panel.getByText(/, \d+ tokens$/).waitFor();
  const points = panel.getByRole("button", { name: /^random_direction, blocks 14 to 16, dose/ });
  await points.nth(1).waitFor({ timeout: 400_000 });
  expect(await points.count()).toBe(2);
  await panel.getByRole("combobox", { name: "Effect against" }).selectOption("perplexity");
  await points.nth(1).focus();
  await page.keyboard.press("Enter");
  expect(await panel.getByLabel("The point").innerText()).toContain("0.400");
  await page.screenshot({ path: join(SCREENSHOTS, "lab-swept.png"), fullPage: true });
  await panel.getByRole("button", { name: "Try “swept” in the chat" }).click();
  expect(await page.getByLabel("What steers").inputValue()).toBe("direction:swept");
  expect(errors).toEqual([]);
  await close();
});
