/**
 * Every limit of the gateway, in one place. Enforced where the data enters and named in the error that refuses it.
 */
export const LIMITS = {
  /** Bytes of an HTTP body. */
  bodyBytes: 4 * 1024 * 1024,
  /** Time for an HTTP body to arrive, milliseconds. */
  bodyMs: 10_000,
  /** Nesting of JSON arrays and objects. */
  jsonDepth: 64,
  /** Keys of its objects, together. */
  jsonKeys: 32_768,
  /** Characters of a model, recipe or artifact reference. */
  referenceChars: 256,
  /** Messages of a conversation. */
  messages: 1_024,
  /** UTF-8 bytes of one prompt, whatever the model. */
  promptBytes: 1024 * 1024,
  /** Bytes a context token is given before a prompt is refused without tokenizing it. */
  promptBytesPerContextToken: 32,
  /** Prompts of one completion request. */
  prompts: 64,
  /** Prompts of one completion request that run at the same time. */
  concurrentPrompts: 8,
  /** Of prompts that a request has repeated, over all of its choices: bytes of text, and log-probabilities with their alternatives. */
  echoedBytes: 16 * 1024 * 1024,
  echoedLogprobs: 2 ** 20,
  /** Answers of one request, base and steered ones counted. */
  choices: 64,
  /** Alternatives reported a token. */
  topLogprobs: 20,
  /** Largest token limit of an answer, before the context decides. */
  maxTokens: 2 ** 31 - 1,
  /** Largest magnitude of `logit_bias`. */
  logitBias: 100,
  /** Entries of `logit_bias`. */
  logitBiasEntries: 1_024,
  /** Stop strings. */
  stopStrings: 16,
  /** UTF-8 bytes of a stop string. */
  stopBytes: 1_024,
  /** Speculation: tokens that must occur again, and tokens guessed a step. */
  ngram: 8,
  draft: 16,
  /** Verifiers of one request. */
  verifiers: 16,
  /** Uses in one composition. */
  steeringParts: 8,
  /** Largest magnitude of a steering scale. */
  steeringScale: 4,
  /** Largest relative dose. */
  relativeDose: 4,
  /** Blocks named by one Steer, and by one steering of a body; the largest number of one, whatever the model. */
  steeredLayers: 4_096,
  usedLayers: 1_024,
  layer: 65_536,
  /** Largest dose in nats. */
  natsDose: 10,
  /** Answers scored, or children forked, by one request. */
  batch: 64,
  /** Texts of one embedding request. */
  embeddings: 256,
  /** Largest `dimensions`, before the model decides. */
  dimensions: 1_048_576,
  /** Ids turned into text by one request. */
  detokenizedIds: 65_536,
  /** Taps of one capture. */
  taps: 64,
  /** Idempotency keys remembered, for how long, milliseconds, and characters of the answers kept under them, together. */
  idempotencyKeys: 1_024,
  idempotencyMs: 600_000,
  idempotencyChars: 64 * 1024 * 1024,
  /** Longest life of a request, milliseconds. */
  requestMs: 600_000,
  /** Longest silence of forward within a session, milliseconds. */
  forwardSilenceMs: 120_000,
  /** Longest wait for what the engines say of themselves when metrics or health are read, milliseconds. */
  scrapeMs: 2_000,
  /** Time for a verifier to say that calls which nothing held keep to their schemas, milliseconds; else they are text. */
  keptMs: 10_000,
  /** Grace between ending a session politely and cancelling its stream, milliseconds. */
  sessionGraceMs: 500,
  /** How long an unpinned recipe name keeps what it resolved to, milliseconds. */
  requirementsCacheMs: 2_000,
  /** Recipes and directions whose requirements are remembered. */
  requirementsCacheEntries: 256,
  /** Programs remembered as uploaded. */
  programCacheEntries: 1_024,
  /** Texts a vocabulary remembers the completing tokens of. */
  completions: 64,
  /** Vocabularies kept. */
  vocabularies: 8,
  /** Models being loaded or unloaded, and waiting for it. */
  modelChanges: 16,
  /** Silence after which an event stream sends a comment, milliseconds. */
  pingMs: 5_000,
  /** Wait for the first token before the headers of an event stream leave, milliseconds. */
  headersMs: 5_000,
  /** How long a reader of an event stream may not read, milliseconds. */
  readerStallMs: 30_000,
} as const;

/** What sampling parameters may be, under their names in the schema. */
export const SAMPLING_RANGES = {
  temperature: { min: 0, max: 2 },
  topP: { min: 0, max: 1, openMin: true },
  topK: { min: 0, max: 1_000_000 },
  minP: { min: 0, max: 1 },
  repetitionPenalty: { min: 0, max: 2, openMin: true },
  frequencyPenalty: { min: -2, max: 2 },
  presencePenalty: { min: -2, max: 2 },
} as const;

/** Who is let in; see `admission/admission.ts`. */
export const ADMISSION_LIMITS = {
  /**
   * Requests that run at a time, as long as nobody waits and as soon as somebody does, and their estimated tokens. The engine
   * computes eight rows a step about as fast as more: beyond that a batch only makes each of its answers take longer.
   */
  running: 16,
  runningWhileOthersWait: 8,
  runningTokens: 32_768,
  /** Requests that wait, in all and of one key. */
  waiting: 256,
  waitingPerKey: 128,
  /** The longest wait predicted for who is let into the line: this share of the time requests run, within the two below. */
  waitPerRun: 0.5,
  shortestWaitMs: 250,
  longestWaitMs: 4_000,
  /** The same for who says how much time it has: this share of what its own run leaves of it, at most the second. */
  waitPerTimeLeft: 0.5,
  /** The same for work of low priority: programs that ask for much at once and have time. */
  longestPatientWaitMs: 60_000,
  /** The longest wait there is when the prediction was wrong. */
  patienceMs: 10_000,
  /** Seconds of its rate that a key may use at once. */
  burstSeconds: 10,
  /** Keys whose counters are kept. */
  keys: 4_096,
  /** Bytes of text a token is estimated for. */
  bytesPerToken: 3,
  /** Tokens of an answer without a limit, as estimated. */
  openAnswerTokens: 512,
  /** A request counts as no more than this, however long it may become. */
  largestEstimate: 8_192,
} as const;

/** Limits of searches. */
export const SCALING_LIMITS = {
  /** Tokens generated and read by verifiers. */
  tokens: 1_048_576,
  /** Candidates that grow at once, or are sampled in all. */
  candidates: 256,
  /** Candidates that hold keys and values at once: what forward has sequences for, but for the prompts of all steerings. */
  held: 992,
  /** Time of a search, milliseconds. */
  milliseconds: LIMITS.requestMs,
  /** Tokens of a step. */
  stepTokens: 4_096,
  /** Strings that end a step, and those that make it the last; UTF-8 bytes of one. */
  separators: 16,
  finalMarkers: 16,
  markBytes: 64,
  /** Steps of a candidate. */
  steps: 4_096,
  /** UTF-8 bytes of the marker before an answer. */
  markerBytes: 256,
  /** Steerings to vary candidates by. */
  diversify: 16,
  /** Parameters of a strategy: nesting, and characters of keys and strings. */
  parameterDepth: 4,
  parameterChars: 4_096,
  /** Characters of a stored table of `auto`, with its report. */
  policyChars: 65_536,
  /** Tokens at which a step may end: as many stop ids as forward takes. */
  haltIds: 16_384,
  /** Commands of one message to forward. */
  commands: 256,
  /** Candidates a verifier judges in one call, unless it compares them: as many as it works on at once. */
  judgedAtOnce: 16,
  /** Time for the verdicts of one call, milliseconds; in a search that goes on without verdicts. */
  verdictMs: 60_000,
  degradableVerdictMs: 20_000,
  /** Of it, for the whole batch when the time of a search is up, and for a call where one that goes on without verdicts has waited in vain before. */
  lateVerdictMs: 1_000,
  /** Tokens of what a judge is asked about a candidate, held back of a budget of tokens. */
  questionTokens: 64,
} as const;
