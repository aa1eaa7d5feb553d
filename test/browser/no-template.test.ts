/** A model without a chat template: the page says so, loses nothing, and lets the model continue the text. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultModelPath } from "#kit/paths.ts";
import { type Playground, startPlayground } from "./support/browser.ts";
import { ask, limitTokens, waitForTurn } from "./support/chat.ts";

setDefaultTimeout(180_000);
const directory = mkdtempSync(join(tmpdir(), "trimtab-no-template-"));
let playground: Playground;
beforeAll(async () => {
  // The default model with the key of its template under another name of the same length.
  const file = readFileSync(defaultModelPath());
  file.write("tokenizer.no_templatexx", file.indexOf("tokenizer.chat_template"));
  const modelPath = join(directory, "bare.gguf");
  writeFileSync(modelPath, file);
  playground = await startPlayground({ modelPath });
});
afterAll(async () => {
  await playground.close();
  rmSync(directory, { recursive: true });
});

test("a model without chat template says so in words, and continues the question as a text on one click", async () => {
  const { page, errors, close } = await playground.open("chat");
  // Greedily: a drawn end of the text would leave fewer tokens.
  await page.getByLabel("Temperature").fill("0");
  await limitTokens(page, 4);
  await ask(page, "Once upon a time");
  await page.getByRole("alert").getByText("no chat template").first().waitFor();
  expect(await page.locator(".question p").innerText()).toBe("Once upon a time");
  await page.getByRole("button", { name: "Let the model continue it as a text" }).click();
  await waitForTurn(page);
  await page.locator(".token").nth(3).waitFor();
  expect(await page.locator(".token").count()).toBe(4);
  expect(await page.getByRole("alert").count()).toBe(0);
  expect(errors).toEqual([]);
  await close();
});
