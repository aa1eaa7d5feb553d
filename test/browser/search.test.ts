/** Search: candidates appear, are judged and chosen, and the bill comes last. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { type Playground, SCREENSHOTS, startPlayground } from "./support/browser.ts";
import { violations } from "./support/looks.ts";

setDefaultTimeout(180_000);
let playground: Playground;
beforeAll(async () => {
  playground = await startPlayground();
});
afterAll(() => playground.close());

test("best-of-n under a checker: every candidate is in the tree with its score, and the chosen one is the answer", async () => {
  const { page, errors, close } = await playground.open("search");
  await page.getByLabel("Question").fill("What is 3 + 4? Answer with the number only.");
  await page.getByLabel("Strategy").selectOption("best-of-n");
  await page.getByLabel("Verifier").selectOption("numeric_answer");
  await page.getByLabel("Its parameters (JSON)").fill('{"expected": 7}');
  await page.getByLabel("Candidates").fill("4");
  await page.getByLabel("Tokens in all").fill("160");
  await page.getByRole("button", { name: "Search", exact: true }).click();
  await page.getByRole("heading", { name: "The bill" }).waitFor({ timeout: 120_000 });
  const candidates = page.getByRole("button", { name: /^Candidate \d+/ });
  expect(await candidates.count()).toBe(4);
  expect(await page.getByRole("button", { name: /: [01]\.\d\d score, / }).count()).toBe(4);
  expect(await violations(page)).toEqual([]);
  await page.screenshot({ path: join(SCREENSHOTS, "search-done.png"), fullPage: true });
  const chosen = page.locator("g.candidate.final");
  await chosen.focus();
  await page.keyboard.press("Enter");
  const answer = await page.getByRole("article", { name: "Answer" }).locator("p").innerText();
  expect(
    await page
      .getByRole("article", { name: /^Candidate/ })
      .locator("p")
      .innerText(),
  ).toBe(answer);
  expect(errors).toEqual([]);
  await close();
});

test("particles are drawn as lanes over tokens too, chosen by keyboard: every candidate, its scores, who continued whom", async () => {
  const { page, errors, close } = await playground.open("search");
  await page.getByLabel("Question").fill("What is 17 + 25? Think step by step.");
  await page.getByLabel("Strategy").selectOption("particle-filtering");
  // Only what this strategy can use is offered.
  const offered = await page.getByLabel("Verifier").locator("option").allInnerTexts();
  expect(offered).toContain("mean_logprob");
  expect(offered).not.toContain("numeric_answer");
  await page.getByLabel("Candidates").fill("4");
  await page.getByLabel("Tokens in all").fill("160");
  await page.getByRole("button", { name: "Search", exact: true }).press("Enter");
  await page.getByRole("heading", { name: "The bill" }).waitFor({ timeout: 120_000 });
  const nodes = page.getByRole("button", { name: /^Candidate \d+/ });
  const inTree = await nodes.evaluateAll((all) => all.map((one) => one.getAttribute("aria-label")).sort());
  await page.getByRole("button", { name: "Lanes", exact: true }).press("Enter");
  await page.locator("svg.lanes").waitFor();
  const inLanes = await nodes.evaluateAll((all) => all.map((one) => one.getAttribute("aria-label")).sort());
  expect(inLanes).toEqual(inTree);
  expect(inLanes.length).toBeGreaterThanOrEqual(4);
  expect(await page.locator("svg.lanes rect").count()).toBeGreaterThanOrEqual(4);
  expect(await violations(page)).toEqual([]);
  await page.screenshot({ path: join(SCREENSHOTS, "search-lanes.png"), fullPage: true });
  await nodes.last().press("Enter");
  const number = /\d+/.exec((await nodes.last().getAttribute("aria-label")) ?? "")?.[0];
  await page.getByRole("article", { name: `Candidate ${number}`, exact: true }).waitFor();
  // The shape is kept, and a link carries it.
  expect(await page.getByRole("link", { name: "Search" }).getAttribute("href")).toContain("shape");
  expect(errors).toEqual([]);
  await close();
});

test("parameters that are no JSON are refused in words before anything is sent", async () => {
  const { page, close } = await playground.open("search");
  await page.getByLabel("Verifier").selectOption("numeric_answer");
  await page.getByLabel("Its parameters (JSON)").fill("{not json");
  await page.getByRole("button", { name: "Search", exact: true }).click();
  await page.getByRole("alert").waitFor();
  expect(await page.getByRole("alert").innerText()).toContain("JSON");
  await close();
});
