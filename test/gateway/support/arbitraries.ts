/** Random requests: names that exist, values that may not fit. */
import fc from "fast-check";

const NAMES = [
  ...[
    "model",
    "messages",
    "prompt",
    "n",
    "seed",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "top_k",
  ],
  ...[
    "min_p",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "max_tokens",
    "max_completion_tokens",
    "echo",
    "best_of",
  ],
  ...[
    "steering",
    "scaling",
    "verifiers",
    "tools",
    "response_format",
    "structured_outputs",
    "guided_json",
    "speculative_config",
    "user",
    "store",
    "constructor",
    "toString",
    "x",
  ],
];
const STEERING = [
  "recipe",
  "direction",
  "scale",
  "strength",
  "dose",
  "compare",
  "proof",
  "layers",
  "scope",
  "mode",
  "y",
];

const scalar = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 2, 0.5, 1.5, 65, 2 ** 31, 2 ** 53, 1e308, true, false, null, ""),
  fc.constantFrom(
    "simulated",
    "refusal",
    "candour",
    "none",
    "words",
    "prompt",
    "paper",
    "\0",
    "a".repeat(300),
  ),
  fc.string({ maxLength: 8 }),
);
const value = fc.oneof(
  { weight: 4, arbitrary: scalar },
  fc.array(scalar, { maxLength: 4 }),
  fc.dictionary(
    fc.constantFrom("role", "content", "type", "text", "name", "relative", "include_usage", "1"),
    scalar,
  ),
  fc.array(fc.record({ role: fc.constantFrom("user", "system", "tool"), content: scalar }), { maxLength: 3 }),
  fc.dictionary(fc.constantFrom(...STEERING), scalar, { maxKeys: 4 }),
);
/** Fields of an HTTP body. */
export const anyFields = fc.dictionary(fc.constantFrom(...NAMES), value, { maxKeys: 4 });

const float = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(0.25, 0.5, 1) },
  { weight: 1, arbitrary: fc.oneof(fc.float(), fc.constantFrom(0, 2, -1, Number.NaN, Infinity)) },
);
const uint = fc.oneof(
  { weight: 8, arbitrary: fc.nat(3) },
  { weight: 1, arbitrary: fc.constantFrom(21, 65, 2 ** 31, 2 ** 32 - 1) },
);
const name = fc.oneof(
  fc.constantFrom("", "refusal", "candour", "none", "words"),
  fc.string({ maxLength: 6 }),
);
const optional = { requiredKeys: [] };
/** Fields of a GenerationSpec besides its prompt. */
export const anySpec = fc.record(
  {
    maxTokens: uint,
    choices: uint,
    topLogprobs: uint,
    stop: fc.array(name, { maxLength: 3 }),
    logprobs: fc.boolean(),
    echo: fc.boolean(),
    sampling: fc.record(
      { temperature: float, topP: float, topK: uint, minP: float, repetitionPenalty: float },
      optional,
    ),
    steering: fc.record(
      {
        use: fc.record(
          { recipe: name, direction: name, scale: float, layers: fc.array(uint), forceGate: float },
          optional,
        ),
      },
      optional,
    ),
    scaling: fc.record({ strategy: name }, optional),
    verifiers: fc.array(fc.record({ name }), { maxLength: 2 }),
  },
  optional,
);
