/** `trimtab serve` with several models, as a user starts it. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { defaultModelPath } from "#kit/paths.ts";
import { ensureTestModel } from "../../scripts/lib/test-models.mjs";

setDefaultTimeout(120_000);
const PROMPT = "The capital of Italy is Rome. The capital of France is";
const MAIN = join(import.meta.dir, "..", "..", "cli", "main.ts");

test("serve loads every --model, and each answers by its name", async () => {
  const models = [defaultModelPath(), await ensureTestModel("gemma")].flatMap((path) => ["--model", path]);
  const ports = ["--grpc-port", "0", "--http-port", "0", "--threads", "1", "--context", "256"];
  const child = Bun.spawn([process.execPath, MAIN, "serve", ...models, ...ports], { stdout: "pipe" });
  try {
    const url = await urlOf(child.stdout);
    for (const model of ["smollm2-135m-instruct", "gemma-3-270m"]) {
      const response = await fetch(`${url}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model, prompt: PROMPT, max_tokens: 4, temperature: 0 }),
      });
      expect(await response.text()).toContain("Paris");
    }
  } finally {
    child.kill("SIGTERM");
    await child.exited;
  }
});

async function urlOf(stdout: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of stdout) {
    text += decoder.decode(chunk, { stream: true });
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0];
    if (url !== undefined) return url;
  }
  throw new Error(`serve ended without saying where it listens: ${text}`);
}
