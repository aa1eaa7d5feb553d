/** The bill of an answer, in the form of OpenAI's. */
import { expect, test } from "bun:test";
import { chatBody } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

test("no more tokens of a prompt are cached than it has, however often it was computed", async () => {
  const { post, forward } = createSimulatedStack();
  // Every prompt is found whole.
  forward.lies = ({ event, ...more }) => {
    if (event.case !== "opened") return [{ ...more, event }];
    const { prefilledTokens: reusedTokens } = event.value;
    return [
      { ...more, event: { case: "opened", value: { ...event.value, reusedTokens, prefilledTokens: 0 } } },
    ];
  };
  const scaling = {
    ...{ strategy: "best-of-n", budget: { candidates: 3 }, verifier: "words" },
    diversify: [{}, { recipe: "refusal" }, { recipe: "refusal", scale: 0.5 }],
  };
  const answer = await post("/v1/chat/completions", chatBody("hello!", { scaling, max_tokens: 8 }));
  const { usage } = (await answer.json()) as any;
  expect(usage.prompt_tokens_details.cached_tokens).toBe(usage.prompt_tokens);
});
