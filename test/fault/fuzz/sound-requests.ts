/** Requests that the services under test answer: what the fuzzers change a field of, to get behind the first checks. */
import { create, type JsonObject, type MessageInitShape } from "@bufbuild/protobuf";
import {
  CaptureRequestSchema as ForwardCapture,
  type CommandSchema,
  OpenRequestSchema,
  PrepareConstraintRequestSchema,
  PutProgramRequestSchema,
  PutProjectionRequestSchema,
  ScoreRequestSchema as ForwardScore,
} from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import {
  CaptureRequestSchema,
  CompleteRequestSchema,
  EmbedRequestSchema,
  GenerateRequestSchema,
  ScoreRequestSchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import {
  ExtractVectorRequestSchema,
  GetRequirementsRequestSchema,
  PlanRequestSchema,
} from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import {
  DecodeRequestSchema,
  EncodeRequestSchema,
  RenderChatRequestSchema,
} from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { OperationKind, Scope, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { DataType } from "#proto/trimtab/type/v1/tensor_pb.ts";
import { ScoreRequestSchema as VerifierScore } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { chat, refusal, text } from "../../gateway/support/asks.ts";
import { WIDTH as STEERED_WIDTH } from "../../services/steering/support/simulated-services.ts";
import type { SoundRequest } from "./services.ts";

const WIDTH = 64;
const row = (values: number) => ({
  ...{ dataType: DataType.F32, shape: [1, values] },
  data: new Uint8Array(new Float32Array(values).fill(0.1).buffer),
});
const taps = [
  { site: Site.RESIDUAL, layers: [0, 3], positions: TapPositions.RANGE, first: 0, end: 2 },
  { site: Site.MLP_NORM, layers: [1], positions: TapPositions.LAST },
];

/** Requests of a forward service that serves this model of four blocks. */
export function soundForward(modelDigest: string): SoundRequest[] {
  const operation = { site: Site.RESIDUAL, layer: 1, kind: OperationKind.ADD, vectors: row(WIDTH) };
  const operations = [{ ...operation, parameter: 0.5, scope: Scope.DECODE }];
  const constraint = { kind: { case: "regex" as const, value: "a+b?" } };
  const items = [{ ids: [1, 2, 3, 4], first: 1 }];
  return [
    ["PutProgram", create(PutProgramRequestSchema, { program: { modelDigest, operations } })],
    [
      "PutProjection",
      create(PutProjectionRequestSchema, { projection: { modelDigest, matrix: row(WIDTH) } }),
    ],
    ["Open", create(OpenRequestSchema, { modelDigest, open: { ids: [1, 2, 3], taps }, leaseMs: 1_000 })],
    ["Capture", create(ForwardCapture, { modelDigest, items, taps })],
    ["Score", create(ForwardScore, { modelDigest, items, topLogprobs: 2, candidateIds: [5, 6] })],
    ["PrepareConstraint", create(PrepareConstraintRequestSchema, { modelDigest, constraint })],
  ];
}

/** Commands on a few sequences of one session, in an order that makes sense. */
export function soundSession(): MessageInitShape<typeof CommandSchema>[] {
  const sampling = { temperature: 0.8, seed: 3n };
  const commands = [
    { case: "open" as const, value: { sequenceId: 1n, ids: [1, 2, 3, 4], taps } },
    { case: "fork" as const, value: { sequenceId: 1n, childIds: [2n, 3n, 4n] } },
    { case: "generate" as const, value: { sequenceId: 1n, maxTokens: 5, sampling, topLogprobs: 2 } },
    { case: "generate" as const, value: { sequenceId: 2n, maxTokens: 3, stopIds: [7] } },
    { case: "truncate" as const, value: { sequenceId: 3n, tokens: 2 } },
    { case: "stop" as const, value: { sequenceIds: [2n] } },
    { case: "release" as const, value: { sequenceIds: [4n] } },
  ];
  return commands.map((command, index) => ({ commandId: BigInt(index + 1), command }));
}

/** Requests of a gateway over the simulated services. */
export function soundGateway(): SoundRequest[] {
  const budget = { candidates: 3, tokens: 64n };
  const scaling = { strategy: "best-of-n", budget, verifier: { name: "words" } };
  const filtering = { ...scaling, strategy: "particle-filtering", processVerifier: { name: "steps" } };
  const specs = [
    chat("hello!", { ...refusal({ compare: true, proof: true }), maxTokens: 4, topLogprobs: 2 }),
    chat("hello!", { ...refusal({}, { scale: 0.5, layers: [1] }), sampling: { temperature: 0.8, seed: 1n } }),
    text("hello", { maxTokens: 8, stop: ["x"], choices: 2, verifiers: [{ name: "words" }] }),
    chat("hello", { scaling, maxTokens: 4, sampling: { temperature: 0.8 } }),
    chat("hello", { scaling: filtering, maxTokens: 4, sampling: { temperature: 0.8 } }),
  ];
  const conversation = { messages: [{ role: "user", content: "hello!" }] };
  const input = { case: "conversation" as const, value: conversation };
  return [
    ...specs.flatMap((spec): SoundRequest[] => [
      ["Complete", create(CompleteRequestSchema, spec)],
      ["Generate", create(GenerateRequestSchema, spec)],
    ]),
    ["Score", create(ScoreRequestSchema, { conversation, answers: ["one two"], topLogprobs: 1 })],
    ["Capture", create(CaptureRequestSchema, { input, taps: [{ site: Site.RESIDUAL, layers: [1] }] })],
    ["Embed", create(EmbedRequestSchema, { texts: ["hello there"] })],
  ];
}

/** Requests of a steering service that has built the recipe `refusal` for this model. */
export function soundSteering(modelDigest: string): SoundRequest[] {
  const activations = [4, 5].map((layer) => ({ site: Site.RESIDUAL, layer, values: row(STEERED_WIDTH) }));
  return [
    ["Plan", create(PlanRequestSchema, { modelDigest, steering: { recipe: "refusal" }, activations })],
    [
      "GetRequirements",
      create(GetRequirementsRequestSchema, { modelDigest, steering: { recipe: "refusal", scale: 1 } }),
    ],
    [
      "ExtractVector",
      create(ExtractVectorRequestSchema, {
        modelDigest,
        name: "v",
        positive: ["do kind thing"],
        negative: ["do bad thing"],
      }),
    ],
  ];
}

/** Requests of a verifier. */
export function soundVerifier(): SoundRequest[] {
  const items = [{ id: "a", messages: [{ role: "user", content: "1 + 2?" }], text: "1 + 2 = 3" }];
  const verifiers: { name: string; parameters: JsonObject }[] = [
    { name: "numeric_answer", parameters: { expected: 3 } },
    { name: "regex", parameters: { pattern: "a+" } },
    { name: "length", parameters: { min: 1, max: 9 } },
    { name: "json_schema", parameters: { schema: { type: "object" } } },
  ];
  return verifiers.map((use) => ["Score", create(VerifierScore, { items, verifiers: [use] })]);
}

/** Requests of a tokenizer. */
export function soundTokenizer(): SoundRequest[] {
  const messages = [{ role: "user", content: "hello" }];
  return [
    [
      "RenderChat",
      create(RenderChatRequestSchema, { messages, addGenerationPrompt: true, continuation: "So" }),
    ],
    ["Encode", create(EncodeRequestSchema, { texts: ["hello, world"], addSpecial: true })],
    ["Decode", create(DecodeRequestSchema, { ids: [1, 2, 3] })],
  ];
}
