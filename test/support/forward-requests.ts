/** Arbitrary requests of the forward service: fields at and beyond their limits, mixed with ordinary ones. */
import fc from "fast-check";

/** Whole numbers around every limit. */
export const uint = fc.oneof(fc.constantFrom(0, 1, 2, 3, 5, 127, 128, 255, 256, 4_294_967_295), fc.nat(300));
/** Numbers, the impossible ones too. */
export const real = fc.oneof(fc.constantFrom(0, 1, -1, 1e30, 3.4e38, Number.NaN, Infinity, -0), fc.float());
/** Token ids, mostly sound. */
export const ids = fc.oneof(fc.array(fc.nat(255), { maxLength: 140 }), fc.array(uint, { maxLength: 6 }));
/** A value or nothing. */
export const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
/** A program binding; digest "known" stands for a stored program. */
export const binding = fc.record({
  programDigest: fc.oneof(fc.constant("known"), fc.constantFrom("", "sha256:00")),
  coefficients: fc.array(real, { maxLength: 2 }),
});
/** One tap. */
export const tap = fc.record({
  site: fc.nat(11),
  layers: fc.array(uint, { maxLength: 3 }),
  positions: fc.nat(3),
  first: uint,
  end: uint,
  pooling: fc.nat(5),
  finalNorm: fc.boolean(),
  projectionDigest: fc.constantFrom("", "", "", "sha256:00"),
  logits: fc.option(fc.record({ top: fc.nat(21), ids: fc.array(uint, { maxLength: 2 }) }), {
    nil: undefined,
  }),
});
/** Some taps. */
export const taps = fc.array(tap, { maxLength: 3 });
/** Sampling parameters. */
export const sampling = fc.record({
  ...{ temperature: maybe(real), topP: maybe(real), topK: uint, minP: real, repetitionPenalty: maybe(real) },
  ...{
    frequencyPenalty: real,
    presencePenalty: real,
    seed: maybe(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  },
  logitBias: fc.dictionary(fc.constantFrom("0", "255", "256", "4294967295"), real),
});
/** A generation. */
export const generate = fc.record({
  ...{ maxTokens: fc.nat(6), sampling: maybe(sampling), stopIds: fc.array(uint, { maxLength: 3 }), taps },
  ...{
    topLogprobs: fc.nat(22),
    program: maybe(binding),
    replayLast: fc.boolean(),
    parkEveryTokens: fc.nat(1),
  },
});
/** A program operation. */
export const operation = fc.record({
  ...{
    site: fc.nat(10),
    layer: uint,
    kind: fc.nat(7),
    parameter: real,
    condition: fc.nat(3),
    threshold: real,
  },
  ...{
    normPolicy: fc.nat(3),
    cap: real,
    scope: fc.nat(5),
    windowFirst: uint,
    windowEnd: uint,
    answerWindow: maybe(fc.record({ first: uint, end: uint })),
    priority: fc.integer(),
  },
  vectors: maybe(
    fc.record({
      dataType: fc.nat(3),
      shape: fc.constantFrom([1, 64], [2, 64], [128], [0], [4_294_967_295, 4_294_967_295]),
      data: fc.constantFrom(256, 512, 3, 0).map((size) => new Uint8Array(size).fill(61)),
    }),
  ),
});
