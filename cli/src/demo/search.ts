/**
 * One sum, searched: the greedy answer first, then a particle filter under a checker of equations, whose tree is drawn as it
 * grows. The checker knows no answer: it only sees whether what was calculated is right.
 */
import type { FinalEvent } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { ScalingUsage } from "#proto/trimtab/type/v1/generation_pb.ts";
import { cancelSafe } from "#kit/streams.ts";
import { chatSpec } from "../chat-spec.ts";
import { createSearchTree } from "../view/search-tree.ts";
import { colour, isInteractive, printable, terminalColumns } from "../view/style.ts";
import type { GatewayClient } from "./answer.ts";

const QUESTION = "Compute 7 + 6 + 9 + 4";
const EXPECTED = "26";
const SEED = 7;
const CANDIDATES = 8;
const MAX_TOKENS = 60;
const TEMPERATURE = 0.8;

/** Worked examples: a small model follows a form it is shown. */
const MESSAGES = [
  { role: "user", content: "Compute 3 + 4 + 2 + 6" },
  { role: "assistant", content: "3 + 4 = 7\n7 + 2 = 9\n9 + 6 = 15\nAnswer: 15" },
  { role: "user", content: "Compute 8 + 1 + 5 + 7" },
  { role: "assistant", content: "8 + 1 = 9\n9 + 5 = 14\n14 + 7 = 21\nAnswer: 21" },
  { role: "user", content: QUESTION },
];

/** Runs both and prints the tree and what it cost. */
export async function runSearchDemo(client: GatewayClient): Promise<void> {
  const sampling = { maxTokens: MAX_TOKENS, temperature: TEMPERATURE, seed: SEED };
  const spec = chatSpec({ messages: MESSAGES, ...sampling });
  const greedy = await client.complete({ spec: { ...spec, scaling: { strategy: "greedy" } } });
  say(`${colour.cyan("── Greedy ")}\n  ${printable((greedy.choices[0]?.text ?? "").replaceAll("\n", "  "))}`);
  say(
    `\n${colour.cyan(`── Particle filtering, ${CANDIDATES} candidates, judged by the equations they wrote `)}`,
  );
  const scaling = {
    strategy: "particle-filtering",
    parameters: { choose: "vote" },
    budget: { candidates: CANDIDATES },
    verifier: { name: "equations", parameters: { aggregation: "min" } },
    step: { rule: { case: "separators" as const, value: { values: ["\n"] } } },
    trace: true,
  };
  const { final, usage } = await drawSearch(client, { ...spec, scaling });
  say(closing(final, usage));
}

type Spec = NonNullable<Parameters<GatewayClient["generate"]>[0]["spec"]>;

/** Draws the tree while the search runs: redrawn in place on a terminal, elsewhere only once it is whole. */
async function drawSearch(
  client: GatewayClient,
  spec: Spec,
): Promise<{ final: FinalEvent | undefined; usage: ScalingUsage | undefined }> {
  const tree = createSearchTree(QUESTION);
  let drawn = 0;
  let final: FinalEvent | undefined;
  let usage: ScalingUsage | undefined;
  const draw = (): void => {
    const lines = tree.lines(terminalColumns());
    const up = drawn === 0 ? "" : `\u001b[${drawn}A\u001b[J`;
    process.stdout.write(`${up}${lines.join("\n")}\n`);
    drawn = lines.length;
  };
  for await (const { event } of cancelSafe((signal) => client.generate({ spec }, { signal }))) {
    if (event.case === "completed") usage = event.value.usage?.scaling;
    if (event.case !== "search") continue;
    tree.take(event.value);
    if (event.value.event.case === "final") final = event.value.event.value;
    if (isInteractive()) draw();
  }
  if (!isInteractive()) draw();
  return { final, usage };
}

function closing(final: FinalEvent | undefined, usage: ScalingUsage | undefined): string {
  const votes = (final?.answers ?? []).map(({ answer, weight }) => `${answer} (${weight.toFixed(2)})`);
  const isRight = final?.answers[0]?.answer === EXPECTED;
  const cost = usage
    ? `${usage.generatedTokens} tokens generated, ${usage.prefilledTokens} prefilled ` +
      `(${usage.prefilledTokensWithoutReuse} without shared beginnings), ${usage.verifierCalls} verdicts, ` +
      `${Math.round(usage.wallMs)} ms`
    : "";
  return `\n  ★ chosen  ✗ given up  ● finished\n  votes: ${votes.join(", ")}; right is ${EXPECTED}: ${isRight ? "found" : "missed"}\n  ${cost}`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
