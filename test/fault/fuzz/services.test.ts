/**
 * Every method of our five services that takes one message, with random ones: a result or a typed error that is not INTERNAL, every reason reached,
 * most of them past the schema, and nothing left. Forward runs the synthetic model, the gateway's four services are simulated.
 */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { defaultModelPath } from "#kit/paths.ts";
import { ForwardService } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { SteeringService } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { TokenizerService } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { VerifierService } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { createTokenizerService } from "../../../services/tokenizer/index.ts";
import { createVerifierService } from "../../../services/verifier/index.ts";
import { createSimulatedStack } from "../../gateway/support/simulated-services.ts";
import { MODEL } from "../../services/steering/support/simulated-services.ts";
import { startSimulatedService } from "../../services/steering/support/simulated-steering.ts";
import { startForward } from "../../support/forward-service.ts";
import { fuzz } from "./run.ts";
import { tryInput } from "./target.ts";
import { serviceTarget } from "./services.ts";
import {
  soundForward,
  soundGateway,
  soundSteering,
  soundTokenizer,
  soundVerifier,
} from "./sound-requests.ts";

setDefaultTimeout(20 * 60_000);
const stack = createSimulatedStack();
const forward = await startForward({ contextTokens: 128 });
const tokenizer = await createTokenizerService({ modelPath: defaultModelPath() });
const verifier = createVerifierService();
const steering = startSimulatedService();
await steering.buildRecipe();
afterAll(async () => {
  await forward.service.close();
  await tokenizer.close();
  verifier.close();
  await steering.close();
});

const TARGETS = [
  serviceTarget({
    ...{ service: GatewayService, routes: stack.gateway.routes, cases: [600, 6_000] },
    sound: soundGateway(),
    words: ["simulated", "refusal", "candour", "words", "steps", "hello", "user", "best-of-n", "system"],
    reasons: ["FIELD_REQUIRED", "FIELD_OUT_OF_RANGE", "INVALID_ARGUMENT", "MODEL_NOT_FOUND"],
  }),
  serviceTarget({
    ...{ service: ForwardService, routes: forward.service.routes, cases: [600, 6_000] },
    sound: soundForward(forward.modelDigest),
    words: [forward.modelDigest, "seq-1", "a"],
    without: ["UnloadModel"],
    reasons: [
      "FIELD_REQUIRED",
      "FIELD_OUT_OF_RANGE",
      "INVALID_ARGUMENT",
      "MODEL_NOT_LOADED",
      "SEQUENCE_NOT_FOUND",
    ],
  }),
  serviceTarget({
    ...{ service: TokenizerService, routes: tokenizer.routes, cases: [300, 4_000] },
    sound: soundTokenizer(),
    words: ["", "", "hello, world", "user", "assistant"],
    without: ["UnloadModel"],
    reasons: ["FIELD_REQUIRED", "FIELD_OUT_OF_RANGE"],
  }),
  serviceTarget({
    ...{ service: SteeringService, routes: steering.routes, cases: [300, 4_000] },
    sound: soundSteering(MODEL),
    words: [MODEL, MODEL, "refusal", "a", "b"],
    reasons: ["FIELD_REQUIRED", "ARTIFACT_NOT_FOUND", "BUILD_NOT_FOUND", "PROGRAM_NOT_FOUND"],
  }),
  serviceTarget({
    ...{ service: VerifierService, routes: verifier.routes, cases: [300, 4_000] },
    sound: soundVerifier(),
    words: [
      ...[
        "regex",
        "length",
        "json_schema",
        "numeric_answer",
        "sorted",
        "equations",
        "repetition",
        "language",
      ],
      ...["42", "pattern", "schema", "a+", "{}"],
    ],
    reasons: ["FIELD_REQUIRED", "VERIFIER_NOT_FOUND"],
  }),
];

test.each(TARGETS.map((target) => [target.name, target] as const))(
  "A15 T3 random and damaged %s",
  (_, target) => fuzz(target),
);

test.each(TARGETS.map((target) => [target.name, target] as const))(
  "the requests that %s are made from are answered",
  async (_, target) => {
    for (const call of target.sound) expect(await tryInput(target, call)).toMatchObject({ reason: "ok" });
  },
);

test("after all this nothing is left", async () => {
  expect([[...stack.forward.alive], stack.gateway.running()]).toEqual([[], 0]);
});
