/**
 * The demo's drawings: a plain answer, a pair of answers with the controller's decision, the proof and the verdicts.
 */
import type { Recipe } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ask, type GatewayClient, type StreamedAnswer } from "./answer.ts";
import { DEMO_PROMPTS, type DemoPrompt } from "./prompts.ts";
import { DEFAULT_GRPC_PORT, DEFAULT_HTTP_PORT } from "../ports.ts";
import { gauge, sparkline } from "../view/gauges.ts";
import { createSideBySide } from "../view/side-by-side.ts";
import { colour, printable } from "../view/style.ts";

const ANSWER_TOKENS = 32;

function timingText(answer: StreamedAnswer): string {
  const t = answer.completed?.timings;
  if (!t) return "";
  return `${t.tokensPerSecond.toFixed(0)} tokens/s, first token after ${t.timeToFirstTokenMs.toFixed(0)} ms`;
}

/** Streams one unsteered answer. */
export async function showPlainAnswer(client: GatewayClient, prompt: string): Promise<void> {
  process.stdout.write(`\n${colour.bold("  user")} ${prompt}\n${colour.bold("  model")} `);
  const answer = await ask(client, { prompt, maxTokens: ANSWER_TOKENS }, (_choice, text) => {
    process.stdout.write(printable(text).replaceAll("\n", "\n        "));
  });
  process.stdout.write(`\n${colour.dim(`  ${timingText(answer)}`)}\n`);
}

/** Streams base and steered answers beside each other, then draws what was decided, done and judged. */
export async function showPair(
  client: GatewayClient,
  recipe: Recipe,
  prompt: DemoPrompt,
): Promise<StreamedAnswer> {
  process.stdout.write(`\n${colour.bold(`  [${prompt.kind}]`)} ${prompt.text}\n`);
  const block = createSideBySide(["base", `steered: ${recipe.name}`]);
  const question = { prompt: prompt.text, maxTokens: ANSWER_TOKENS, recipe: recipe.name, mode: "steer" };
  const answer = await ask(client, question, (choice, text) => block.append(choice === 0 ? 0 : 1, text));
  block.finish();
  const report = answer.planned?.report;
  const proof = answer.finished[1]?.proof ?? [];
  const change = new Array<number>(report?.layerWeights.length ?? 0).fill(0);
  for (const p of proof) change[p.layer] = Math.max(change[p.layer] ?? 0, p.meanRelativeChange);
  const verdict = (choice: number): string => answer.verdicts.get(choice)?.[0]?.label || "–";
  const largest = Math.max(0, ...change);
  const lines = [
    `gate ${gauge(report?.gate ?? 0)}   layer weights ${sparkline([...(report?.layerWeights ?? [])])}`,
    `proof: ‖Δ‖/‖h‖ per layer ${sparkline(change)}  largest ${largest.toFixed(3)} over ${proof.reduce((n, p) => n + p.rows, 0)} rows`,
    `verdict: base ${verdict(0)}, steered ${colour.bold(verdict(1))}   ${timingText(answer)}`,
  ];
  process.stdout.write(lines.map((l) => `  ${l}\n`).join(""));
  return answer;
}

/** What a request gets that names the recipe and no mode. */
export async function showOwnMode(client: GatewayClient, recipe: Recipe): Promise<void> {
  process.stdout.write(`\n  a request that names no mode gets mode "${recipe.mode}":\n`);
  for (const { kind, text } of DEMO_PROMPTS) {
    const answer = await ask(
      client,
      { prompt: text, maxTokens: ANSWER_TOKENS, recipe: recipe.name },
      () => {},
    );
    const [first = ""] = printable(answer.texts[1] ?? "").split("\n");
    process.stdout.write(`  ${colour.bold(`[${kind}]`)} ${first}\n`);
  }
}

/** How to make the same call with other tools, once `npm start` keeps the services up on their usual ports. */
export function callExamples(): string {
  const [grpcPort, httpPort] = [DEFAULT_GRPC_PORT, DEFAULT_HTTP_PORT];
  const body = `{"spec": {"conversation": {"messages": [{"role": "user", "content": "Hello"}]}, "maxTokens": 40, "steering": {"use": {"recipe": "refusal"}}}}`;
  return [
    colour.bold("\n  The same from other tools, while npm start runs:"),
    `\n  buf curl --http2-prior-knowledge --protocol grpc --reflect --data '${body}' \\\n    http://127.0.0.1:${grpcPort}/trimtab.gateway.v1.GatewayService/Complete`,
    `\n  curl http://127.0.0.1:${httpPort}/v1/chat/completions -H 'content-type: application/json' \\\n    -d '{"model": "smollm2-135m-instruct", "messages": [{"role": "user", "content": "Hello"}], "steering": {"recipe": "refusal"}}'`,
    `\n  # Python, pip install openai\n  from openai import OpenAI\n  client = OpenAI(base_url="http://127.0.0.1:${httpPort}/v1", api_key="none")\n  client.chat.completions.create(model="smollm2-135m-instruct", messages=[{"role": "user", "content": "Hello"}],\n                                 extra_body={"steering": {"recipe": "refusal"}})\n`,
  ].join("\n");
}
