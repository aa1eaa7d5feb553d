/** Every limit the steering service enforces, by name. Sizes in bytes, times in milliseconds. */

const MIB = 1024 * 1024;

/** Requests and answers. */
export const STEERING_LIMITS = {
  /** Bytes of an artifact sent in one message (PutArtifact, ImportArtifact). */
  artifactBytes: 16 * MIB,
  /** Nesting of the JSON of an `.svec` file. */
  svecDepth: 8,
  /** Bytes of a chunk of GetArtifact. */
  chunkBytes: 256 * 1024,
  /** Largest absolute `scale`. */
  maxScale: 4,
  /** Largest `dose.relative`. */
  maxRelativeDose: 4,
  /** Parts of a composition. */
  parts: 8,
  /** Gates below this leave the request alone, to the bit. */
  minGate: 0.05,
  /** Texts of a side of ExtractVector. */
  contrastTexts: 256,
  /** Characters of one such text. */
  contrastTextChars: 16_384,
  /** Blocks of a model. */
  blocks: 512,
  /** Width of a residual stream. */
  width: 32_768,
  /** Norms of its vectors: outside of these a push is lost, or everything is. */
  leastNorm: 1e-9,
  mostNorm: 1e9,
  nameChars: 64,
} as const;

/** Edits and rulesets. */
export const ARTIFACT_LIMITS = {
  /** Operations of an edit; forward takes as many. */
  operations: 1024,
  /** Conditions and rules of a ruleset. */
  conditions: 16,
  rules: 16,
} as const;

/** Doses in nats. */
export const NATS_LIMITS = {
  /** Largest dose. */
  most: 10,
  /** Harmless passages a dose is measured on, and tokens of each. */
  passages: 4,
  answerTokens: 32,
  /** How a scale is found: smallest one, relative error that will do, measurements for one dose. */
  solve: { minScale: 2 ** -14, tolerance: 0.05, measurements: 8 },
} as const;

/** Sweeps. */
export const SWEEP_LIMITS = {
  /** Points, methods and doses of one sweep. */
  points: 512,
  /** Points measured together: forward keeps a few hundred programs, and users have theirs there, too. */
  together: 32,
  /** Largest budget, tokens. */
  tokenBudget: 10_000_000,
  /** Tokens of an answer that is judged, and passages degradation is measured on. */
  answerTokens: 24,
  passages: 4,
} as const;

/** Fits of methods. */
export const FIT_LIMITS = {
  /** Training prompts of each class. */
  promptsPerClass: 512,
  /** Generations of an evolution strategy. */
  rounds: 64,
  /** Bytes of activations that one step of a fit keeps, so that a killed fit need not read them again. */
  keptBytes: 64 * MIB,
  /** Fits under way at a time. */
  concurrent: 2,
  /** Starting the thread of one. */
  startMs: 60_000,
  /** Least AUROC on validation prompts, in the best block, of what counts as telling the classes apart. */
  minAuroc: 0.65,
} as const;

/** Courses of doses in recipe files and artifacts. */
export const COURSE_LIMITS = {
  /** Largest multiple of the dose at the last prompt token. */
  start: 16,
  /** Largest number of generated tokens that get the whole dose. */
  holdTokens: 4_096,
  /** Largest relative dose of the push towards the end of the turn. */
  ending: 1,
} as const;

/** What is kept in memory. */
export const CACHE_LIMITS = {
  /** Compiled programs, least recently used go first; they can be compiled again from their artifacts. */
  programs: 256,
  /** Loaded recipes and directions. */
  artifacts: 16,
  /** Ways to use a loaded recipe whose programs are ready. */
  deciders: 32,
  /** Models whose neutral norms are known. */
  models: 16,
  /** Finished builds that GetBuild still knows. */
  builds: 64,
} as const;

/** Builds. */
export const BUILD_LIMITS = {
  /** Builds under way at a time; forward serves users too. */
  concurrent: 2,
  /** Items of a Capture or Score call. */
  batchItems: 32,
  /** Sequences generated at a time. */
  batchSequences: 16,
  /** Answers, and prompts whose features are read, between two points at which a killed build can go on. */
  keptAnswers: 64,
  keptFeatures: 256,
  /** Conversations rendered at a time. */
  renderParallel: 16,
  /** A call without an answer, or a session without a message, for this long is given up. */
  callTimeoutMs: 300_000,
  /** Retries of a call refused for lack of memory or by a full queue. */
  retries: 20,
  /** Prompts of one class in a recipe. */
  promptsPerClass: 4_096,
  promptChars: 8_192,
} as const;
