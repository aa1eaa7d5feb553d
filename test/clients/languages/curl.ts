/** Tools without generated code: curl on the OpenAI API, `buf curl` with the schema it finds by reflection. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { run } from "../../interop/support/run.ts";
import { BUF, ROOT } from "../../interop/support/toolchains.ts";
import { environment, expectedText } from "../support/tour.ts";

const CURL = join(ROOT, "examples", "curl");
const PROMPT = "How was your day?";

test("curl reads the same text from server-sent events, with a finish reason, usage and [DONE]", async () => {
  const expected = await expectedText();
  const { code, out } = await run(["sh", join(CURL, "chat.sh"), PROMPT], { env: environment });
  expect(code).toBe(0);
  const events = out.split("\n\n").filter((line) => line.startsWith("data: {"));
  const chunks = events.map((line) => JSON.parse(line.slice("data: ".length)));
  const text = chunks
    .flatMap((chunk) => chunk.choices.map((choice: any) => choice.delta.content ?? ""))
    .join("");
  expect(text).toBe(expected);
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } });
  expect(out.trimEnd().endsWith("data: [DONE]")).toBe(true);
});

test("buf curl finds the schema by reflection and streams the same text", async () => {
  const expected = await expectedText();
  const env = { ...environment, BUF };
  const { code, out, err } = await run(["sh", join(CURL, "buf-chat.sh"), PROMPT], { env });
  expect({ code, err }).toMatchObject({ code: 0 });
  const events = out
    .trim()
    .split(/\n(?=\{)/)
    .map((line) => JSON.parse(line));
  expect(events.map((event) => event.delta?.text ?? "").join("")).toBe(expected);
  expect(events.at(-1).completed.usage.completionTokens).toBeGreaterThan(0);
});
