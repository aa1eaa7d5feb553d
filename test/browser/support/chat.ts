/** What a person does in the chat, by keyboard. */
import type { Page } from "playwright-core";

/** Chooses the direction "cheerful" at a relative dose in every block. */
export async function steer(page: Page, dose = "0.03"): Promise<void> {
  await page.getByLabel("What steers").selectOption("direction:cheerful");
  await page.getByLabel("Strength as").selectOption("relative");
  await page.getByLabel(/^Dose/).fill(dose);
}

/** Sets the length of answers. */
export async function limitTokens(page: Page, count: number): Promise<void> {
  await page.getByLabel("Most tokens").fill(String(count));
  await page.getByLabel("Most tokens").press("Tab");
}

/** Types a question and sends it with Enter. */
export async function ask(page: Page, question: string): Promise<void> {
  await page.getByLabel("Your question").fill(question);
  await page.getByLabel("Your question").press("Enter");
}

/** Texts of the answers there are. Not what is laid out of them: outside the window that is nothing. */
export async function answerTexts(page: Page): Promise<string[]> {
  return await page.locator(".answer-text").allTextContents();
}

/** Waits until turn `count` has ended and tells its speed. */
export async function waitForTurn(page: Page, count = 1): Promise<void> {
  await page
    .getByText(/tokens\/s$/)
    .nth(count - 1)
    .waitFor({ timeout: 90_000 });
}
