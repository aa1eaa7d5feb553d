// `recipe eval --prompts`: what is counted, against a gateway that answers by a script.
import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { RecipeSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { askAll, summarise } from "../../cli/src/recipe/ask.ts";

const promptOf = (content: string) => ({
  case: "conversation" as const,
  value: { messages: [{ role: "user", content }] },
});

/** A gateway that steers prompts with "bad" in them and judges an answer by its first word. */
function scriptedGateway(failure = "") {
  const transport = createRouterTransport(({ service }) =>
    service(GatewayService, {
      complete({ spec }) {
        const { value } = spec?.prompt ?? {};
        const content =
          value && typeof value === "object" && "messages" in value ? value.messages[0]?.content : "";
        const acts = content?.includes("bad") === true;
        const answers = ["yes, base", acts ? "no, steered" : "yes, base"];
        return {
          plan: { gate: acts ? 0.9 : 0.01, relativeDoses: acts ? [0, 0.3] : [0, 0] },
          choices: answers.map((text) => ({
            text,
            verdicts: [
              {
                verifier: "v",
                label: text.split(",")[0] ?? "",
                score: text.startsWith("no") ? 0.5 : 0.4,
                failure,
              },
            ],
          })),
        };
      },
    }),
  );
  return createClient(GatewayService, transport);
}

const PROMPTS = ["bad one", "good one", "bad two", "good two", "bad three"].map(promptOf);

for (const label of ["no", ""]) {
  test(`base and steered are counted apart, by ${label === "" ? "a score of one half" : "the label"}`, async () => {
    const recipe = create(RecipeSchema, {
      resolved: "r@sha256:0",
      judge: { verifier: { name: "v" }, label },
    });
    const asked = await askAll(scriptedGateway(), recipe, PROMPTS, { maxTokens: 8 }, () => undefined);
    expect(asked.map(({ prompt }) => prompt)).toEqual(PROMPTS.map((p) => p.value.messages[0]?.content ?? ""));
    const { base, steered, acted, labels } = summarise(asked);
    expect([base.rate, steered.rate, acted.rate, steered.n]).toEqual([0, 0.6, 0.6, 5]);
    expect(labels).toEqual({ no: 3, yes: 2 });
  });
}

test("an answer that nobody could judge is an error, not a miss", async () => {
  const recipe = create(RecipeSchema, {
    resolved: "r@sha256:0",
    judge: { verifier: { name: "v" }, label: "no" },
  });
  const asking = askAll(scriptedGateway("TIMEOUT"), recipe, PROMPTS, { maxTokens: 8 }, () => undefined);
  await expect(asking).rejects.toThrow("no verdict: TIMEOUT");
});
