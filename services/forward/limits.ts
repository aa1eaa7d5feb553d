/** Every limit of the forward service, by name. Enforced where data enters, stated in errors. */

/** Largest arena: file, KV and workspace together. */
export const MAX_ARENA_BYTES = 3.75 * 2 ** 30;
/** Longest context an engine may be given. */
export const MAX_CONTEXT_TOKENS = 2 ** 24;
/** Operations of one program. */
export const MAX_OPERATIONS = 1024;
/** Products of making the operations of one program orthogonal to each other: half a second in which nothing else is computed. */
export const MAX_ORTHOGONAL_WORK = 500_000_000;
/** Different windows of one program: they bound the combinations of operations that its rows can meet. */
export const MAX_WINDOWS = 16;
/** Tokens that open spans of phases, of one program. */
export const MAX_PHASE_MARKERS = 16;
/** Commands of one session message. */
export const MAX_COMMANDS = 256;
/** Children of one fork. */
export const MAX_CHILDREN = 256;
/** Sequences alive in one engine. */
export const MAX_SEQUENCES = 1024;
/** Texts of one Score or Capture request. */
export const MAX_ITEMS = 256;
/** Candidate ids of one Score request. */
export const MAX_CANDIDATES = 1024;
/** Taps of one command. */
export const MAX_TAPS = 64;
/** Logit biases and stop ids of one generation; a search halts at every token that may end a step, which can be many. */
export const MAX_LOGIT_BIASES = 1024;
export const MAX_STOP_IDS = 16_384;
/** Alternatives reported a token. */
export const MAX_TOP_LOGPROBS = 20;
/** Leases of sequences opened by unary calls. */
export const MIN_LEASE_MS = 1_000;
export const MAX_LEASE_MS = 600_000;
export const DEFAULT_LEASE_MS = 60_000;
/** Longest wait of a parked sequence when the request names none, and at most. */
export const DEFAULT_PARK_TIMEOUT_MS = 5_000;
export const MAX_PARK_TIMEOUT_MS = 60_000;
/** Bytes of tensor data in one streamed message, so that messages stay below 16 KiB. */
export const MAX_FRAME_BYTES = 12 * 1024;
/** Programs kept, and the arena bytes their vectors and bindings may take. */
export const MAX_PROGRAMS = 256;
export const PROGRAM_BYTES = 96 * 2 ** 20;
/** Rows of one projection, and projections kept; their bytes are part of those of programs. */
export const MAX_PROJECTION_RANK = 256;
export const MAX_PROJECTIONS = 64;
/** Rows whose early-layer logits one command, Score or Capture request may ask for, and ids reported a row. */
export const MAX_LOGIT_ROWS = 4_096;
export const MAX_LOGIT_IDS = 1_024;
/** Activations all taps of one text, or of one Capture request, may read. */
export const MAX_TAP_BYTES = 512 * 2 ** 20;
/** Activations of one Capture that wait for its reader: beyond these nothing is computed for it until half of them are taken. */
export const HELD_TAP_BYTES = 32 * 2 ** 20;
/** Longest time in which such a reader takes nothing. */
export const MAX_READ_MS = 30_000;
/** Activations one unary answer may carry. */
export const MAX_INLINE_BYTES = 3 * 2 ** 20;
/** Length of a caller's fairness key and cache salt. */
export const MAX_CALLER_BYTES = 256;
/** Sequences that wait for KV memory, and the longest wait of one whose request has no nearer deadline. */
export const MAX_WAITING = 256;
export const MAX_MEMORY_WAIT_MS = 30_000;
/** Longest context of the ONNX backend, whose keys and values are f32 and copied at every step. */
export const MAX_ONNX_CONTEXT = 8_192;
/** Tokens whose keys and values it holds where no KV memory is configured: four whole contexts. */
export const DEFAULT_ONNX_KV_TOKENS = 4 * MAX_ONNX_CONTEXT;
/** How long a client should wait after KV memory ran out. */
export const RETRY_AFTER_MS = 1_000;
/** Bytes and nesting of a constraint; texts of a choice. */
export const MAX_CONSTRAINT_BYTES = 64 * 1024;
export const MAX_CONSTRAINT_DEPTH = 64;
export const MAX_CHOICES = 256;
/** States of one regular expression, literals and numbers within bounds included. */
export const MAX_AUTOMATON_STATES = 4_096;
/** Nodes looked at while it is made deterministic: nested counts make states of thousands of them. */
export const MAX_AUTOMATON_WORK = 4_000_000;
/** Items or properties a schema may demand: what the library counts to. More than any text holds. */
export const MAX_COUNT = 2 ** 31 - 1;
/** Longest work on one grammar or one of its masks, and longest start of a thread for it. */
export const GRAMMAR_JOB_MS = 20_000;
export const GRAMMAR_START_MS = 60_000;
/** Threads that read constraints: as many callers at a time. */
export const GRAMMAR_READERS = 2;
/** Compiled grammars kept, refused ones remembered, and those waiting to be compiled, of all and of one caller. */
export const MAX_GRAMMARS = 32;
export const MAX_REFUSED_GRAMMARS = 256;
export const MAX_WAITING_GRAMMARS = 128;
export const MAX_WAITING_OF_CALLER = 64;
/** Longest a step waits for a mask; then its row is computed again when the mask is there. */
export const MASK_WAIT_MS = 50;
/** Speculation: tokens that must occur again, tokens drafted a step; and what 0 means. */
export const MAX_NGRAM = 8;
export const DEFAULT_NGRAM = 3;
export const MAX_DRAFT = 16;
export const DEFAULT_DRAFT = 8;
