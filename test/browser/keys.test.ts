/** A server that wants keys: a missing, a wrong and a slow one; what was typed survives all of it. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKey } from "#kit/api-keys.ts";
import { type Playground, startPlayground } from "./support/browser.ts";
import { ask, limitTokens, waitForTurn } from "./support/chat.ts";

setDefaultTimeout(180_000);
const directory = mkdtempSync(join(tmpdir(), "trimtab-keys-"));
const file = join(directory, "keys.json");
const good = createKey(file, { name: "good", operator: true, priority: "normal" });
/** 10 s of its rate may be used at once: 40 tokens. Twice as many take 20 s to come back, longer than an answer takes. */
const slow = createKey(file, { name: "slow", operator: false, priority: "normal", tokensPerSecond: 4 });
const expired = createKey(file, {
  ...{ name: "lent", operator: true, priority: "normal" },
  expires: new Date(Date.now() - 1_000).toISOString(),
});
let playground: Playground;
beforeAll(async () => {
  playground = await startPlayground({ keys: file });
});
afterAll(async () => {
  await playground.close();
  rmSync(directory, { recursive: true });
});

test("a missing and a wrong key are told in words; with a good one the page goes on, and what was typed is there", async () => {
  const { page, close } = await playground.open("chat");
  await page.getByRole("alert").getByText("This server wants a key").waitFor();
  await page.getByLabel("Your question").fill("typed before the key");
  const enter = async (key: string) => {
    await page.getByRole("link", { name: "Service" }).click();
    await page.getByLabel(/^API key/).fill(key);
    await page.getByLabel(/^API key/).press("Tab");
  };
  await enter("tt-never-made");
  await page.getByRole("alert").getByText("no longer valid").waitFor();
  await enter(good);
  await page.getByRole("rowheader", { name: /SmolLM2/ }).waitFor();
  expect(await page.getByRole("alert").count()).toBe(0);
  await page.getByRole("link", { name: "Chat" }).click();
  expect(await page.getByLabel("Your question").inputValue()).toBe("typed before the key");
  await limitTokens(page, 4);
  await page.getByLabel("Your question").press("Enter");
  await waitForTurn(page);
  // A key never leaves with copied code: programs read it from their environment.
  await page.getByText("Show the code").click();
  expect(await page.locator("pre").innerText()).not.toContain(good);
  expect(await page.locator("pre").innerText()).toContain("$TRIMTAB_API_KEY");
  await close();
});

test("an expired key is told with its time where it failed, and a new one entered there answers what was asked", async () => {
  const { page, close } = await playground.open("chat");
  const alert = page.getByRole("alert");
  await page.getByLabel("New key").fill(good);
  await page.getByLabel("New key").press("Enter");
  await alert.waitFor({ state: "detached" });
  await limitTokens(page, 4);
  await page.getByLabel("Your question").fill("asked with an old key");
  // The key of this tab runs out: its next call is sent with one whose time is over.
  await page.route("**/Generate", (route) => {
    const headers = { ...route.request().headers(), authorization: `Bearer ${expired}` };
    return route.continue({ headers });
  });
  await page.getByLabel("Your question").press("Enter");
  await alert.getByText("The time of your key is over").waitFor();
  expect(await alert.innerText()).toMatch(/expired at 20\d\d-/);
  await page.getByLabel("Your question").fill("typed meanwhile");
  await page.unroute("**/Generate");
  await page.getByLabel("New key").fill(good);
  await page.getByRole("button", { name: "Use this key" }).press("Enter");
  await waitForTurn(page);
  expect(await alert.count()).toBe(0);
  expect(await page.locator(".question p").allInnerTexts()).toEqual(["asked with an old key"]);
  expect(await page.getByLabel("Your question").inputValue()).toBe("typed meanwhile");
  await close();
});

test("a rate that is used up counts down and is tried again by itself, where the clock is days off too", async () => {
  const { page, close } = await playground.open("service");
  await page.evaluate("Date.now = () => 0");
  await page.getByLabel(/^API key/).fill(slow);
  await page.getByLabel(/^API key/).press("Tab");
  await page.getByRole("rowheader", { name: /SmolLM2/ }).waitFor();
  await page.getByRole("link", { name: "Chat" }).click();
  await limitTokens(page, 44);
  await ask(page, "Tell me about the sea.");
  await waitForTurn(page);
  await ask(page, "And of the land?");
  await page.getByRole("alert").getByText("used up its rate").waitFor();
  await page.getByRole("button", { name: /^Retry \(in \d+ s\)$/ }).waitFor();
  await waitForTurn(page, 2);
  expect(await page.locator(".question p").allInnerTexts()).toEqual([
    "Tell me about the sea.",
    "And of the land?",
  ]);
  await close();
});
