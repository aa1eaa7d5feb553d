/** Models of other families through the whole gateway: Qwen answers a chat, Gemma (a base model without a template) a text. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { createKeyGate } from "#kit/auth.ts";
import { connectTo } from "#kit/clients.ts";
import { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { createGateway } from "../../gateway/index.ts";
import { ensureTestModel } from "../../scripts/lib/test-models.mjs";
import { createForwardService } from "../../services/forward/index.ts";
import { createTokenizerService } from "../../services/tokenizer/index.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

setDefaultTimeout(120_000);
const QUESTION = "What is the capital of France? Answer with one word.";

/** Runs `work` against a gateway over a real model; `post` sends an OpenAI body. */
async function withModel(name: "qwen" | "gemma", work: (post: Post) => Promise<void>): Promise<void> {
  const modelPath = await ensureTestModel(name);
  const forward = await createForwardService({ modelPath, threads: 1, contextTokens: 256 });
  const tokenizer = await createTokenizerService({ modelPath });
  const gateway = createGateway({
    clients: {
      ...createSimulatedStack().clients,
      forward: connectTo({ routes: forward.routes }).client(ForwardService),
      tokenizer: connectTo({ routes: tokenizer.routes }).client(TokenizerService),
    },
    gate: createKeyGate({ apiKey: "" }),
  });
  try {
    await work(async (path, body) => {
      const headers = { "content-type": "application/json" };
      const request = { method: "POST", headers, body: JSON.stringify(body) };
      const response = await gateway.app.request(path, request);
      return { status: response.status, body: (await response.json()) as Answer };
    });
  } finally {
    gateway.close();
    tokenizer.close();
    await forward.close();
  }
}

type Post = (path: string, body: object) => Promise<{ status: number; body: Answer }>;
interface Answer {
  readonly choices: { message: { content: string }; text: string; finish_reason: string }[];
  readonly usage: { prompt_tokens: number; completion_tokens: number };
  readonly error?: { code: string };
}

test("Qwen2.5-Coder answers a chat through the OpenAI API and ends its turn by itself", () =>
  withModel("qwen", async (post) => {
    const messages = [{ role: "user", content: QUESTION }];
    const model = "qwen2.5-coder-0.5b-instruct-q4_k_m";
    const { status, body } = await post("/v1/chat/completions", {
      model,
      messages,
      temperature: 0,
      max_tokens: 12,
    });
    expect(status).toBe(200);
    expect(body.choices[0]?.message.content).toContain("Paris");
    expect(body.choices[0]?.finish_reason).toBe("stop");
    // System message, question and the opening of the answer, as the file's template renders them.
    expect(body.usage.prompt_tokens).toBeGreaterThan(30);
  }));

test("Gemma 3 270M continues a text; a chat, for which its file has no template, is refused by name", () =>
  withModel("gemma", async (post) => {
    const model = "gemma-3-270m-q4_k_m";
    const prompt = "The capital of Italy is Rome. The capital of France is";
    const { status, body } = await post("/v1/completions", { model, prompt, temperature: 0, max_tokens: 3 });
    expect(status).toBe(200);
    expect(body.choices[0]?.text).toContain("Paris");
    const messages = [{ role: "user", content: QUESTION }];
    const chat = await post("/v1/chat/completions", { model, messages, max_tokens: 3 });
    expect({ status: chat.status, code: chat.body.error?.code }).toEqual({
      status: 400,
      code: "template_invalid",
    });
  }));
