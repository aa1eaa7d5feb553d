/** Every limit kit enforces, by name. Sizes in bytes, times in milliseconds. */

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** GGUF files: a header is read into objects, so its counts are bounded before anything is allocated. */
export const GGUF_LIMITS = {
  /** A file larger than this cannot fit the 4 GiB address space of the kernels. */
  fileBytes: 4 * GIB,
  headerBytes: 128 * MIB,
  metadataEntries: 16_384,
  tensors: 65_536,
  keyBytes: 64 * KIB - 1,
  textBytes: 16 * MIB,
  arrayElements: 4_000_000,
  /** 64 with the final NUL of other readers. */
  tensorNameBytes: 63,
  tensorElements: 2 ** 40,
  minAlignment: 8,
  maxAlignment: 65_536,
} as const;

/** safetensors files of vectors and controllers; those of models: {@link MODEL_DIRECTORY_LIMITS}. */
export const SAFETENSORS_LIMITS = {
  fileBytes: 256 * MIB,
  headerBytes: 1 * MIB,
  /** Of files we write: what the format's reference reader takes. */
  writtenHeaderBytes: 100_000_000,
  tensors: 4_096,
  dims: 8,
  headerDepth: 8,
} as const;

/** Directories with a model: safetensors files and the JSON beside them. */
export const MODEL_DIRECTORY_LIMITS = {
  shards: 256,
  shardBytes: 16 * GIB,
  headerBytes: 16 * MIB,
  tensors: 65_536,
  dims: 4,
  headerDepth: 8,
  /** `config.json` and its like. */
  jsonBytes: 1 * MIB,
  indexBytes: 16 * MIB,
  tokenizerBytes: 64 * MIB,
  /** Chat templates in a file of their own. */
  templateBytes: 1 * MIB,
  jsonDepth: 32,
  /** Tokens of a vocabulary, and merges. */
  tokens: 1_000_000,
  merges: 2_000_000,
} as const;

/** ONNX controllers. */
export const ONNX_LIMITS = {
  fileBytes: 64 * MIB,
  nodes: 256,
  tensors: 512,
  dims: 4,
  metadataEntries: 64,
  metadataBytes: 1 * MIB,
  minOpset: 13,
  maxOpset: 17,
} as const;

/** Users' ONNX models; a runtime of 32-bit memory takes no more. */
export const ONNX_MODEL_LIMITS = {
  graphBytes: 2 * GIB,
  dataBytes: 3 * GIB,
  dataFiles: 64,
  /** Nodes, and tensors. */
  entries: 65_536,
} as const;

/** RPC listeners and clients. */
export const RPC_LIMITS = {
  /** Largest message a public listener accepts. */
  publicMessageBytes: 4 * MIB,
  /** Largest message between our own services (tensors). */
  internalMessageBytes: 16 * MIB,
  /** Largest HTTP request body on the web listener. */
  httpBodyBytes: 5 * MIB,
  /** Parallel streams of one connection. */
  concurrentStreams: 256,
  connections: 1_024,
  /** A connection without any traffic for this long is closed. */
  sessionIdleMs: 300_000,
  /** The same for HTTP/1.1, where nothing is asked or answered; Bun takes at most 255 s. */
  httpIdleSeconds: 240,
  /** Longest deadline a caller may ask for, and the deadline of a call without one. */
  maxTimeoutMs: 600_000,
  defaultTimeoutMs: 60_000,
  /** A client drops a connection that was idle this long; less than `sessionIdleMs`, so that it never meets a close. */
  clientIdleMs: 120_000,
  pingIntervalMs: 5_000,
  pingTimeoutMs: 5_000,
  /** How often the answers of a connection put its next ping off at most; less than `pingIntervalMs`. */
  aliveMs: 1_000,
  /** A client that does not read an answer holds up to these bytes of it; the rest waits in its stream, and with the sender. */
  unreadBytes: 64 * KIB,
  drainMs: 30_000,
  /** A process whose event loop did not turn for this long is not ready. */
  readyLagMs: 1_000,
  /** Time between NOT_SERVING and the end of the listeners. */
  lameDuckMs: 100,
} as const;

/** TLS between services. */
export const TLS_LIMITS = {
  /** A file of certificates, or a key. */
  fileBytes: 1 * MIB,
  /** A peer that has not shown who it is after so long is dropped. */
  handshakeMs: 10_000,
} as const;

/** Supervised child processes. */
export const SUPERVISOR_LIMITS = {
  readyMs: 60_000,
  killMs: 5_000,
  firstBackoffMs: 100,
  maxBackoffMs: 10_000,
  /** A child that lived this long starts again at the first backoff. */
  healthyMs: 30_000,
} as const;

/** The artifact store. */
export const STORE_LIMITS = {
  artifactBytes: 256 * MIB,
  nameChars: 64,
  metadataEntries: 64,
  metadataChars: 4_096,
  indexBytes: 64 * MIB,
  /** A file that no index names for so long was left by a writer that died. */
  orphanMs: 24 * 3_600_000,
} as const;

/** Tensors in messages. */
export const TENSOR_LIMITS = {
  dims: 4,
  elements: 4 * MIB,
} as const;

/** Log lines. */
export const LOG_LIMITS = {
  fieldChars: 1_000,
  /** Bytes nobody has read yet; further lines are dropped and counted. */
  waitingBytes: 1 * MIB,
} as const;

/** Key files. */
export const KEY_LIMITS = {
  file: { maxBytes: 1 * MIB, maxDepth: 4 },
  keys: 1_024,
  /** Recipes and directions one key names. */
  steering: 256,
  /** Largest scale and relative dose a key can be limited to. */
  steeringStrength: 4,
  tokensPerSecond: 1_000_000,
  concurrent: 1_024,
} as const;

/** Of a file that lists the loaded models. */
export const LOADED_LIST_LIMITS = { maxBytes: 2 ** 20, maxDepth: 8 } as const;

/** Functions that an answer may call, and calls in conversations. */
export const TOOL_LIMITS = {
  tools: 128,
  /** Calls of one message. */
  calls: 128,
  nameChars: 64,
  callIdChars: 256,
  /** The schema of a function's arguments. */
  parameterBytes: 64 * KIB,
  parameterDepth: 32,
  argumentDepth: 32,
} as const;
