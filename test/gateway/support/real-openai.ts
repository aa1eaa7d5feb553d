/** The official OpenAI client of all services on Qwen2.5-Coder-0.5B, started in this process. */
import OpenAI from "openai";
import { ensureTestModel } from "../../../scripts/lib/test-models.mjs";
import type { Stack } from "../../../cli/src/compose.ts";
import { startOwnStack } from "../../support/own-stack.ts";

/** Starts them. */
export async function startRealOpenAi(): Promise<{ client: OpenAI; stack: Stack }> {
  const stack = await startOwnStack({ modelPath: await ensureTestModel("qwen"), threads: 2 });
  const baseURL = `http://127.0.0.1:${stack.httpPort}/v1`;
  const client = new OpenAI({ baseURL, apiKey: "none", timeout: 200_000 });
  return { client, stack };
}
