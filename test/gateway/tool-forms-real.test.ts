/** Calls in the forms of Llama 3 and Mistral through the real services, on a model of random weights: whatever it draws, a held call is one. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { basename } from "node:path";
import { LLAMA_CALL, MISTRAL_CALL, templateOf } from "../support/call-templates.ts";
import { byteTokens } from "../support/onnx-folder.ts";
import { startOwnStack } from "../support/own-stack.ts";
import { writeSyntheticModel } from "../support/synthetic-model.ts";

setDefaultTimeout(120_000);
const [EOT, MARK] = [0, 1];
const CONTROL = 3;

/** Answers of a model whose template writes calls so. */
async function answers(call: string, mark: string, bodies: readonly object[]) {
  const tokens = byteTokens();
  const metadata = {
    "tokenizer.ggml.tokens": tokens.with(EOT, "<|eot_id|>").with(MARK, mark),
    "tokenizer.ggml.token_type": new Int32Array(tokens.length).fill(1).fill(CONTROL, EOT, MARK + 1),
    "tokenizer.ggml.merges": ["none"].slice(1),
    "tokenizer.ggml.pre": "gpt-2",
    "tokenizer.ggml.eos_token_id": EOT,
    "tokenizer.chat_template": templateOf(call),
  };
  const modelPath = await writeSyntheticModel({ metadata });
  const stack = await startOwnStack({ modelPath, threads: 1 });
  try {
    const url = `http://127.0.0.1:${stack.httpPort}/v1/chat/completions`;
    const headers = { "content-type": "application/json" };
    const choices: any[] = [];
    for (const body of bodies) {
      const given = JSON.stringify({ model: basename(modelPath, ".gguf"), ...base, ...body });
      const answer: any = await (await fetch(url, { method: "POST", headers, body: given })).json();
      choices.push(...(answer.choices ?? [answer]));
    }
    return choices;
  } finally {
    await stack.close();
  }
}

const parameters = {
  type: "object",
  properties: { city: { enum: ["Oslo", "Lima"] }, days: { type: "integer", minimum: 3, maximum: 9 } },
  required: ["city", "days"],
};
const tool = (name: string) => ({ type: "function", function: { name, parameters, strict: true } });
const base = {
  ...{ messages: [{ role: "user", content: "x" }], tools: [tool("f"), tool("g")] },
  ...{ max_tokens: 200, temperature: 1.5, seed: 1, n: 4 },
};
/** What each choice calls, and whether that keeps to the schema. */
const callsOf = (choices: readonly any[]) =>
  choices.map(({ finish_reason, message: { content, tool_calls: calls = [] } }) => {
    const { name, arguments: given = "{}" } = calls[0]?.function ?? {};
    const { city, days, ...others } = JSON.parse(given);
    const isKept = ["Oslo", "Lima"].includes(city) && days >= 3 && days <= 9;
    return [finish_reason, content, /^[fg]$/.test(name) && isKept && Object.keys(others).length === 0];
  });
const KEPT = ["tool_calls", null, true];

test("Llama 3: a call that must be made is one of its schema", async () => {
  const choices = await answers(LLAMA_CALL, "<|python_tag|>", [{ tool_choice: "required" }]);
  expect(callsOf(choices)).toEqual([KEPT, KEPT, KEPT, KEPT]);
});

test("Mistral: so is one, and one that the model has begun, with which its answer ends", async () => {
  const begun = { logit_bias: { [MARK]: 100 } };
  const choices = await answers(MISTRAL_CALL, "[TOOL_CALLS]", [{ tool_choice: "required" }, begun]);
  expect(callsOf(choices)).toEqual([KEPT, KEPT, KEPT, KEPT, KEPT, KEPT, KEPT, KEPT]);
});
