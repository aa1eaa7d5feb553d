/** This request in the words of other programs. Each snippet is the whole call; the server's address is the page's own. */
import { generationSpec, type Message, steeringUse } from "../state/request.ts";
import type { Settings } from "../state/settings.ts";

/** Names of the languages, as offered. */
export const LANGUAGES = ["curl", "buf curl", "Python", "TypeScript", "Go"] as const;
/** One of them. */
export type Language = (typeof LANGUAGES)[number];

/** The code that sends this request. */
export function snippet(
  language: Language,
  given: Settings,
  model: string,
  messages: readonly Message[],
): string {
  const writers = { curl, "buf curl": bufCurl, Python: python, TypeScript: typescript, Go: go };
  return writers[language](given, model, messages);
}

/** What steers, as JSON has it in both APIs; undefined without steering. */
function plainUse(given: Settings) {
  const asked = steeringUse(given);
  if (!asked) return undefined;
  const { dose, layers, ...use } = asked;
  return {
    ...use,
    ...(dose ? { dose: { relative: dose.dose.value } } : {}),
    ...(layers.length > 0 ? { layers } : {}),
  };
}

function openAiBody(given: Settings, model: string, messages: readonly Message[]) {
  const use = plainUse(given);
  const steering = use && { ...use, ...(given.compare ? { compare: true } : {}), proof: true };
  return {
    model,
    messages,
    max_tokens: given.maxTokens,
    temperature: given.temperature,
    top_p: given.topP,
    ...(given.seed === null ? {} : { seed: given.seed }),
    ...(steering ? { steering } : {}),
  };
}

function curl(given: Settings, model: string, messages: readonly Message[]): string {
  const body = JSON.stringify({ ...openAiBody(given, model, messages), stream: true }, null, 2);
  return `curl -N ${location.origin}/v1/chat/completions \\\n  -H 'content-type: application/json' \\\n  -d '${body.replaceAll("'", "'\\''")}'`;
}

function bufCurl(given: Settings, model: string, messages: readonly Message[]): string {
  const spec = JSON.stringify({ spec: protoJson(given, model, messages) }, null, 2).replaceAll("'", "'\\''");
  return `buf curl --protocol connect --schema proto \\\n  --data '${spec}' \\\n  ${location.origin}/trimtab.gateway.v1.GatewayService/Generate`;
}

function python(given: Settings, model: string, messages: readonly Message[]): string {
  const { steering, ...body } = openAiBody(given, model, messages);
  const fields = Object.entries(body).map(([name, value]) => `    ${name}=${pythonValue(value)},`);
  const extra = steering ? [`    extra_body={"steering": ${pythonValue(steering)}},`] : [];
  return [
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url="${location.origin}/v1", api_key="none")`,
    "answer = client.chat.completions.create(",
    ...fields,
    ...extra,
    ")",
    "for choice in answer.choices:",
    "    print(choice.message.content)",
  ].join("\n");
}

function typescript(given: Settings, model: string, messages: readonly Message[]): string {
  const { prompt: _, ...spec } = generationSpec(given, model, messages);
  const shown = { ...spec, prompt: { case: "conversation", value: { messages } } };
  const text = JSON.stringify(shown, (_name, value) => (typeof value === "bigint" ? `${value}n` : value), 2);
  return [
    'import { createClient } from "@connectrpc/connect";',
    'import { createConnectTransport } from "@connectrpc/connect-web";',
    'import { GatewayService } from "./gen/trimtab/gateway/v1/gateway_service_pb";',
    "",
    `const client = createClient(GatewayService, createConnectTransport({ baseUrl: "${location.origin}" }));`,
    `const spec = ${text.replace(/"(\d+n)"/, "$1")};`,
    "for await (const { event } of client.generate({ spec })) {",
    '  if (event.case === "delta") console.log(event.value.choice, event.value.text);',
    "}",
  ].join("\n");
}

function go(given: Settings, model: string, messages: readonly Message[]): string {
  const use = steeringUse(given);
  const list = messages.map(
    ({ role, content }) => `\t\t\t{Role: ${quote(role)}, Content: ${quote(content)}},`,
  );
  const name =
    use && (use.recipe ? `Recipe: ${quote(use.recipe)}` : `Direction: ${quote(use.direction ?? "")}`);
  const scale = use?.scale === undefined ? "" : `, Scale: proto.Float32(${use.scale})`;
  return [
    "stream, err := client.Generate(ctx, &gatewayv1.GenerateRequest{Spec: &gatewayv1.GenerationSpec{",
    `\tModel: ${quote(model)},`,
    "\tPrompt: &gatewayv1.GenerationSpec_Conversation{Conversation: &gatewayv1.Conversation{",
    "\t\tMessages: []*typev1.ChatMessage{",
    ...list,
    "\t\t}}},",
    `\tMaxTokens: ${given.maxTokens},`,
    ...(name
      ? [
          `\tSteering: &gatewayv1.SteeringOptions{Use: &steeringv1.SteeringUse{${name}${scale}}, Compare: ${given.compare}},`,
        ]
      : []),
    "}})",
  ].join("\n");
}

/** The spec as ProtoJSON, which `buf curl` takes. */
function protoJson(given: Settings, model: string, messages: readonly Message[]) {
  const use = plainUse(given);
  return {
    model,
    conversation: { messages },
    maxTokens: given.maxTokens,
    sampling: { temperature: given.temperature, topP: given.topP },
    ...(use ? { steering: { use, compare: given.compare, proof: true } } : {}),
  };
}

/** JSON is Python, but for its three names. */
function pythonValue(value: unknown): string {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null || value === undefined) return "None";
  if (Array.isArray(value)) return `[${value.map(pythonValue).join(", ")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, part]) => `${JSON.stringify(name)}: ${pythonValue(part)}`)
    .join(", ")}}`;
}

const quote = (text: string): string => JSON.stringify(text);
