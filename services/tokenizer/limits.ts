/** Every limit of the tokenizer service, by name. Sizes in bytes of UTF-8, times in milliseconds. */

const KIB = 1024;
const MIB = 1024 * KIB;

/** Models loaded at the same time: each keeps its vocabulary (30 to 75 MB of those tested) and a thread. */
export const MAX_MODELS = 16;

/** Starting the thread that hashes a model's files. */
export const DIGEST_START_MS = 30_000;

/** One request. */
export const REQUEST_LIMITS = {
  texts: 256,
  /** One text of Encode, or all messages of a conversation together. */
  textBytes: 1 * MIB,
  /** All texts of one Encode. */
  requestBytes: 8 * MIB,
  /** Ids of one Decode. */
  ids: 1_000_000,
  messages: 1_024,
} as const;

/** Tokenization off the event loop. */
export const ENCODER_LIMITS = {
  /** Texts up to this size are tokenized where they arrive: a few milliseconds. Longer ones go to a worker. */
  inlineBytes: 16 * KIB,
  /** Bytes waiting for the worker; more is refused with QUEUE_FULL. */
  waitingBytes: 64 * MIB,
  /** Starting the worker reads the vocabulary again. */
  startMs: 30_000,
} as const;

/** Chat templates are programs from a model file: what they may use. */
export const TEMPLATE_LIMITS = {
  templateBytes: 256 * KIB,
  /** Processor time of one rendering; the worker that runs it is killed after that. */
  renderMs: 250,
  /** Its time by the clock: on a machine whose cores are all taken a thread waits longer than it runs. */
  renderWallMs: 5_000,
  /** The trial at load, where the code is still cold. */
  trialMs: 5_000,
  startMs: 30_000,
  outputBytes: 2 * MIB,
  waitingCalls: 1_024,
  messageChars: 200,
} as const;

/** What a vocabulary may be. */
export const VOCABULARY_LIMITS = {
  tokens: 1_000_000,
  merges: 2_000_000,
  tokenBytes: 4 * KIB,
  stopIds: 64,
} as const;

/** Vocabulary stream: tokens of one message, about 10 KB: larger ones can park for ever when a client leaves. */
export const VOCABULARY_RUN_TOKENS = 1_024;
