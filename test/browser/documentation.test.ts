/** The documentation the gateway serves: pages, links, search; no violation, no console error, nothing from elsewhere. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { type Playground, SCREENSHOTS, startPlayground } from "./support/browser.ts";
import { SCREENS, violations, widthOver } from "./support/looks.ts";

setDefaultTimeout(120_000);
let playground: Playground;
beforeAll(async () => {
  playground = await startPlayground();
});
afterAll(() => playground.close());

for (const { name, colorScheme, viewport } of SCREENS) {
  test(`pages, ${name}: axe finds nothing, the console is silent, nothing is wider than the screen`, async () => {
    const { page, errors, close } = await playground.open("chat", { colorScheme, viewport });
    for (const one of ["", "cli.html", "gateway.html", "api-gateway.html", "comparison.html"]) {
      await page.goto(`${playground.url}docs/${one}`);
      await page.locator("main h1").waitFor();
      expect([one, await violations(page)]).toEqual([one, []]);
      expect([one, await widthOver(page)]).toEqual([one, 0]);
      await page.screenshot({
        path: join(SCREENSHOTS, `docs-${one.replace(".html", "") || "index"}-${name}.png`),
      });
    }
    expect(errors).toEqual([]);
    await close();
  });
}

test("every link of every page leads to a page and a place on it", async () => {
  const idsOf = new Map<string, Set<string>>();
  const links: (readonly [from: string, to: string])[] = [];
  const waiting = ["index.html"];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (idsOf.has(name)) continue;
    const response = await fetch(`${playground.url}docs/${name}`);
    expect([name, response.status]).toEqual([name, 200]);
    expect(response.headers.get("content-security-policy")).not.toContain("unsafe");
    const html = await response.text();
    // Diagrams are drawn, not shown as their source.
    expect([name, html.includes("language-mermaid")]).toEqual([name, false]);
    idsOf.set(name, new Set([...html.matchAll(/ id="([^"]+)"/g)].map(([, id = ""]) => id)));
    for (const [, to = ""] of html.matchAll(/<a [^>]*href="([^"]+)"/g)) {
      if (/^(https?:|\/|mailto:)/.test(to)) continue;
      const target = to.startsWith("#") ? name + to : to;
      links.push([name, target]);
      waiting.push(target.split("#")[0] ?? "");
    }
  }
  const broken = links.filter(([, to]) => {
    const [name = "", id] = to.split("#");
    return id !== undefined && !idsOf.get(name)?.has(decodeURIComponent(id));
  });
  expect(broken).toEqual([]);
  expect(idsOf.size).toBeGreaterThan(30);
});

test("search by keyboard finds a section and goes there; the API reference is in it", async () => {
  const { page, errors, close } = await playground.open("chat");
  await page.goto(`${playground.url}docs/`);
  await page.keyboard.press("/");
  await page.keyboard.type("adding a strategy");
  await page.locator("#found a").first().waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForURL(/extending\.html/);
  await page.keyboard.press("/");
  await page.keyboard.type("SteerRequest");
  await page.locator("#found a").first().click();
  await page.waitForURL(/api-gateway\.html#steerrequest/);
  expect(await page.locator("#steerrequest").innerText()).toContain("SteerRequest");
  expect(errors).toEqual([]);
  await close();
});
