/** What a person takes along: code that sends exactly this request, a link to this state, files. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromJsonString } from "@bufbuild/protobuf";
import type { Page } from "playwright-core";
import {
  FitArtifactRequestSchema,
  GenerateRequestSchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { type Playground, startPlayground } from "./support/browser.ts";
import { limitTokens, steer } from "./support/chat.ts";

setDefaultTimeout(180_000);
const GENERATED = join(
  import.meta.dir,
  "..",
  "..",
  "proto",
  "gen",
  "trimtab",
  "gateway",
  "v1",
  "gateway_service_pb.ts",
);
const scratch = mkdtempSync(join(import.meta.dir, "..", "..", "build", "share-"));
let playground: Playground;
beforeAll(async () => {
  playground = await startPlayground({ direction: true });
});
afterAll(async () => {
  await playground.close();
  rmSync(scratch, { recursive: true });
});

async function codeIn(page: Page, language: string): Promise<string> {
  await page.getByLabel("This request as").first().selectOption(language);
  return await page.locator("pre").first().innerText();
}

/** The request in a program, as the JSON it holds between the first quotes of this kind. */
function requestIn(code: string): string {
  return (/-d '([\s\S]*?)'(?: \\)?\n/.exec(`${code}\n`)?.[1] ?? "").replaceAll("'\\''", "'");
}

async function output(...command: string[]): Promise<string> {
  return await new Response(Bun.spawn(command, { stdout: "pipe", cwd: scratch }).stdout).text();
}

test("the code to copy is exactly this request, and runs", async () => {
  const { page, close } = await playground.open("chat");
  await steer(page, "0.1");
  await limitTokens(page, 5);
  await page.getByLabel("Your question").fill(`It's "fine" \`\${HOME}\` 👋`);
  await page.getByText("Show the code").click();
  const { spec } = fromJsonString(GenerateRequestSchema, requestIn(await codeIn(page, "grpcurl")));
  expect(spec?.steering).toMatchObject({ compare: true, use: { direction: "cheerful" } });
  expect(spec?.steering?.use?.dose?.dose).toEqual({ case: "relative", value: 0.1 });
  expect(spec?.prompt.value).toMatchObject({ messages: [{ content: `It's "fine" \`\${HOME}\` 👋` }] });
  const events = await output("sh", "-c", await codeIn(page, "curl"));
  expect(events).toContain('"finish_reason":"length"');
  expect(events).toEndWith("data: [DONE]\n\n");
  const program = join(scratch, "program.ts");
  const typescript = await codeIn(page, "TypeScript");
  writeFileSync(program, typescript.replace(/"\.\/gen\/.*?"/, JSON.stringify(GENERATED)));
  expect(await output(process.execPath, program)).toContain("finished");
  writeFileSync(join(scratch, "program.py"), await codeIn(page, "Python"));
  expect(await output("python3", "-m", "py_compile", "program.py")).toBe("");
  expect(await codeIn(page, "Go")).toContain(
    "gatewayv1.NewGatewayServiceClient(connection).Generate(ctx, request)",
  );
  await close();
});

test("the lab's requests can be copied too; what curl cannot send is not offered for curl", async () => {
  const { page, close } = await playground.open("lab");
  const panel = page.getByRole("region", { name: "Sweep" });
  await panel.getByText("Show the code").click();
  expect(await panel.getByLabel("This request as").locator("option").allInnerTexts()).not.toContain("curl");
  await panel.getByLabel("This request as").selectOption("grpcurl");
  const { fit } = fromJsonString(FitArtifactRequestSchema, requestIn(await panel.locator("pre").innerText()));
  expect(fit).toMatchObject({ method: "sweep", recipe: "refusal", options: { tokenBudget: 4_000n } });
  await close();
});

test("the service's own request can be copied, and runs; its charts are saved as PNG", async () => {
  const { page, close } = await playground.open("service");
  await page.getByRole("rowheader", { name: /SmolLM2/ }).waitFor();
  await page.getByText("Show the code").click();
  expect(await output("sh", "-c", await codeIn(page, "curl"))).toContain('"models"');
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Save the charts as PNG" }).click(),
  ]);
  const picture = readFileSync(await download.path());
  expect(picture.subarray(1, 4).toString()).toBe("PNG");
  await close();
});

test("a link reopens the same settings and carries no words of the user", async () => {
  const { page, close } = await playground.open("chat");
  await page.getByLabel("System message").fill("a secret");
  await page.getByLabel("Temperature").fill("0.7");
  await page.getByRole("link", { name: "Search" }).click();
  await page.getByLabel("Question").fill("another secret");
  await page.getByLabel("Candidates").fill("5");
  await page.getByLabel("Candidates").press("Tab");
  await page.getByRole("link", { name: "Chat" }).click();
  const link = page.url();
  expect(link).toContain("temperature=0.7");
  expect(decodeURIComponent(link)).not.toContain("secret");
  const other = await playground.open(link.split("view=")[1] ?? "");
  expect(await other.page.getByLabel("Temperature").inputValue()).toBe("0.7");
  await other.page.getByRole("link", { name: "Search" }).click();
  expect(await other.page.getByLabel("Candidates").inputValue()).toBe("5");
  await Promise.all([close(), other.close()]);
});

test("a conversation is saved as JSON, a heat map as PNG", async () => {
  const { page, close } = await playground.open("chat");
  await steer(page);
  await limitTokens(page, 3);
  await page.getByLabel("Your question").fill("Hello");
  await page.getByLabel("Your question").press("Enter");
  await page.getByText(/tokens\/s$/).waitFor();
  const saved = async (button: string) => {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: button }).click(),
    ]);
    return readFileSync(await download.path());
  };
  const { turns } = JSON.parse((await saved("Save JSON")).toString()) as { turns: { question: string }[] };
  expect(turns.map(({ question }) => question)).toEqual(["Hello"]);
  await page.locator(".token").last().hover();
  await page.getByRole("button", { name: "Compare base and steered on these tokens" }).click();
  await page.locator(".heat canvas").waitFor();
  const picture = await saved("Save the map as PNG");
  expect(picture.subarray(1, 4).toString()).toBe("PNG");
  await close();
});
