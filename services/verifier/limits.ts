/** Every limit of the verifier service, by name. Enforced where data enters, stated in errors. */

/** One request. */
export const REQUEST_LIMITS = {
  items: 256,
  verifiers: 16,
  idChars: 256,
  /** Bytes of an answer (UTF-8). */
  textBytes: 1024 * 1024,
  /** Messages of a conversation, and bytes of all of them. */
  messages: 1_024,
  messagesBytes: 1024 * 1024,
  tokens: 65_536,
  activations: 1_024,
  /** Bytes of one activation tensor. */
  activationBytes: 4 * 1024 * 1024,
  /** JSON of a verifier's parameters: characters, nesting, and values of any kind. */
  parameterChars: 1024 * 1024,
  parameterDepth: 64,
} as const;

/** How a batch is worked off. */
export const BATCH_LIMITS = {
  /** Items judged together; a streamed verdict waits for its chunk. */
  chunkItems: 16,
  /** Work done before the event loop gets its turn, milliseconds. */
  sliceMs: 20,
  /** Longest wait for the model in one verdict when the caller names no deadline, milliseconds. */
  modelTimeoutMs: 60_000,
  /** Longest time one verifier may take for a chunk, or for an item if it judges each alone; what it has not judged by then has failed. */
  chunkMs: 60_000,
} as const;

/** Callers' regular expressions; matching costs at most program × characters. */
export const PATTERN_LIMITS = {
  patternChars: 1_024,
  /** Instructions of the compiled pattern; for a JSON schema the sum over its patterns. */
  programSize: 1_000,
  /** Characters of an answer that a pattern is matched against. */
  textChars: 65_536,
} as const;

/** Callers' JSON schemas; validation costs at most subschemas × values. */
export const SCHEMA_LIMITS = {
  schemaChars: 65_536,
  depth: 32,
  /** Subschemas after references are followed. */
  subschemas: 2_000,
  /** Values that one of the JSON may be compared with: of enumerations, required names and the like, after references are followed. */
  comparisons: 16_384,
  /** Characters, nesting and values of the JSON that is validated. */
  textChars: 65_536,
  instanceDepth: 64,
  instanceValues: 10_000,
} as const;

/** Linear probes. */
export const PROBE_LIMITS = {
  /** Components of the weight vector. */
  width: 32_768,
  /** Problems a probe is trained on. */
  problems: 100_000,
  /** Right and wrong steps that each part of the training data must have. */
  leastOfKind: 10,
} as const;

/** Log-odds of refusal starts. */
export const LOG_ODDS_LIMITS = {
  /** Openings of a side. */
  openings: 16,
  openingChars: 256,
  /** Token ids of a side. */
  ids: 256,
} as const;

/** The refusal judge. */
export const REFUSAL_LIMITS = {
  /** Characters of an answer in which openings and compliance are looked for; coherence looks at all of it. */
  patternChars: 8_192,
} as const;

/** Arithmetic in an answer. */
export const ARITHMETIC_LIMITS = {
  textChars: 65_536,
  /** Nesting of an expression. */
  depth: 64,
  /** Numbers an expression may be made of. */
  numbers: 32,
} as const;

/** Countdown: numbers whose combinations are all tried (5 are 46 thousand at most). */
export const COUNTDOWN_LIMITS = { textChars: 65_536, numbers: 5 } as const;

/** Lists to be sorted. */
export const SORTED_LIMITS = { textChars: 65_536, items: 1_024, itemChars: 256 } as const;

/** Satisfiability. */
export const SAT_LIMITS = { textChars: 65_536, variables: 999, clauses: 4_096, literals: 64 } as const;

/** Mazes: cells a side. */
export const MAZE_LIMITS = { textChars: 65_536, side: 256 } as const;

/** Votes: characters of an answer that is compared with others. */
export const VOTE_LIMITS = { textChars: 65_536 } as const;

/** Signals of the model's own tokens. */
export const CONFIDENCE_LIMITS = { window: 4_096, defaultWindow: 16 } as const;

/** Questions to the model about an answer. */
export const JUDGE_LIMITS = {
  questionChars: 1_024,
  textChars: 16_384,
  /** Answers compared in pairs; n of them are n (n - 1) questions. */
  compared: 16,
} as const;

/** Untrusted functions under test. */
export const SANDBOX_LIMITS = {
  codeChars: 65_536,
  tests: 64,
  arguments: 16,
  memoryBytes: 32 * 1024 * 1024,
  stackBytes: 512 * 1024,
  /**
   * Loading the code, and each call, and a whole job, until its loops are interrupted: milliseconds of processor time, so that a verdict
   * does not depend on what else the machine does. A job ends at its first interrupted step.
   */
  stepMs: 250,
  jobMs: 2_000,
  /** Added for what no interrupt reaches, until the process is killed. */
  killMs: 500,
  /** A job by the clock, whatever it computes; where the system does not tell of other processes, `jobMs` is of the clock, too. */
  longestJobMs: 60_000,
  /** How often the process is looked at. */
  watchMs: 50,
  /** Added for the start of the process. */
  startMs: 5_000,
  /** The process ends when nothing came for so long. */
  idleMs: 30_000,
} as const;
