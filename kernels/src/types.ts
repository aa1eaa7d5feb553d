/**
 * What the kernels promise to the engine: matrices, activations, KV pages and the operators over them.
 *
 * The engine (TypeScript) decides the order of operators and owns the memory plan; an operator is one parallel
 * region over the arena. Operators own no state: everything they read or write is named in the call.
 * All pointers are byte addresses in one shared linear memory (< 4 GiB, hence plain numbers, `>>> 0` at the border).
 */

/** Byte address in the arena. 0 means "none" wherever a call allows it. */
export type Pointer = number;

/** Storage types of a weight matrix after repacking; quantized weights stay quantized. */
export type WeightKind =
  | "f32"
  | "f16"
  | "bf16"
  | "q4_0"
  | "q4_1"
  | "q5_0"
  | "q5_1"
  | "q8_0"
  | "q2_k"
  | "q3_k"
  | "q4_k"
  | "q5_k"
  | "q6_k";

/** Block formats of files: each kind is one, and two more become `q8_0` without loss. */
export type WeightSource = WeightKind | "iq4_nl" | "iq4_xs";

/** A matrix repacked for the kernels (8 rows interleaved), [rows, cols], living in the arena. */
export interface PackedMatrix {
  readonly kind: WeightKind;
  /** Output features; padded to a multiple of 8 inside the packed form. */
  readonly rows: number;
  /** Input features; a multiple of 32, of 256 for the `_k` kinds. */
  readonly cols: number;
  readonly pointer: Pointer;
  readonly sizeBytes: number;
}

/**
 * Form of the activations a weight kind multiplies with: `a8` = int8 per 32-block (weights of 2 to 6 bits),
 * `a16` = int16 per 32-block (Q8_0 weights), `f32` = plain rows (F32, F16 and BF16 weights).
 */
export type ActivationForm = "a8" | "a16" | "f32";

/** Storage of keys and values: int8 or int16 (±8191) with one scale per (token, head, block of 32 dims). */
export type KvKind = "int8" | "int16";

/** Shape of one KV page: 32 tokens of all layers. The inner layout belongs to the kernels. */
export interface KvShape {
  readonly layers: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly kind: KvKind;
}

/** Numbers of runs of weights that `useStreams` takes, the usual one first. */
export const STREAM_COUNTS: readonly [usual: number, other: number] = [8, 4];
/** Tokens of one KV page. */
export const PAGE_TOKENS = 32;
/** Absolute positions of one attention segment (8 pages). */
export const SEGMENT_TOKENS = 256;
/** Bytes of a program operation record, an instance record and a proof record (layouts in `program.ts`). */
export interface ProgramLayout {
  readonly operationBytes: number;
  readonly instanceBytes: number;
  readonly proofBytes: number;
}

/** What an operation's scalar `a = U·h + b` becomes before it multiplies V. */
export type Gate = "constant" | "identity" | "relu" | "threshold" | "turn";
/** What happens to the row's norm after the update; `cap` limits ‖Δ‖ to `cap`·‖h‖. */
export type NormPolicy = "none" | "preserve" | "cap";

/** One operation `h += Σ_j c_j · g(U_j·h + b_j) · V_j`, then the norm policy. Vectors are f32 rows in the arena. */
export interface ProgramOperation {
  readonly rank: number;
  readonly dim: number;
  /** f32 [rank, dim]; 0 when every gate is `constant`. */
  readonly u: Pointer;
  /** f32 [rank, dim] */
  readonly v: Pointer;
  /** f32 [rank]; 0 means zeros. For `threshold` a_j > 0 fires; for `turn` see assembly/program.ts. */
  readonly b: Pointer;
  readonly gate: Gate;
  readonly normPolicy: NormPolicy;
  /** Limit of `cap`, as a fraction of ‖h‖. */
  readonly cap: number;
}

/** An operation bound to a sequence: its coefficients, where its proof goes, and the next instance of the chain. */
export interface ProgramInstance {
  readonly operation: Pointer;
  /** f32 [rank] */
  readonly coefficients: Pointer;
  /** Proof record: count, sum and max of ‖h'−h‖/‖h‖ computed from the actual rows before and after. */
  readonly proof: Pointer;
  /** Next instance applied to the same row, or 0. */
  readonly next: Pointer;
}

/** One attention work unit: the query rows that look at one absolute segment of one page table. */
export interface AttentionUnit {
  /** Segment index s: positions [256·s, 256·s + 255]. */
  readonly segment: number;
  /** u32 [pages]: page addresses of the sequence, entry i covers positions 32·i … 32·i + 31. */
  readonly pageTable: Pointer;
  /** i32 [rowCount]: batch row indices, every one at position ≥ 256·segment. */
  readonly rows: Pointer;
  readonly rowCount: number;
}

/** What becomes of a row's query, key and value vectors before they are stored, in this order; 0 = that part is absent. */
export interface HeadTransform {
  /** f32 [(heads + 2·kvHeads)·headDim], added. */
  readonly bias: Pointer;
  /** f32 [headDim]: weights of the RMS norm of every query head, of every key head. */
  readonly queryNorm: Pointer;
  readonly keyNorm: Pointer;
  readonly eps: number;
  /** Table of `fillRopeTable` over `rotary` dims; the first `rotary` (a multiple of 8) dims of query and key rotate. */
  readonly ropeTable: Pointer;
  readonly rotary: number;
  /** Pairs (2i, 2i+1) rotate together (GGUF llama files hold q/k rows permuted so), not (i, i + rotary/2). */
  readonly interleaved: boolean;
  /** Factor on the scores. */
  readonly scoreScale: number;
}

/** What a gated unit does to its gate; gelu in the form with tanh. */
export type GateActivation = "silu" | "gelu";

/** How one row of logits becomes a token. */
export interface SampleRequest {
  /** f32 [vocabulary]; penalties and bias are applied in place. */
  readonly logits: Pointer;
  readonly vocabulary: number;
  /** 0 = greedy, ties to the lowest id. */
  readonly temperature: number;
  /** 0 = off. */
  readonly topK: number;
  /** 1 = off. */
  readonly topP: number;
  /** 0 = off. */
  readonly minP: number;
  /** 1 = off; divides positive and multiplies negative logits of tokens seen in `history`. */
  readonly repetitionPenalty: number;
  readonly frequencyPenalty: number;
  readonly presencePenalty: number;
  /** i32 [historyCount]: ids the penalties look at; frequency and presence only from index `answerStart` on. */
  readonly history: Pointer;
  readonly historyCount: number;
  readonly answerStart: number;
  /** Pairs {i32 id, f32 bias} [biasCount]. */
  readonly bias: Pointer;
  readonly biasCount: number;
  /** u32 bit mask of allowed ids (bit i of word i>>5), or 0 for all. */
  readonly allowMask: Pointer;
  /** Key of the counter-based noise: (seed, stream, position), all u32 pairs as given by the caller. */
  readonly seed: bigint;
  readonly stream: bigint;
  readonly position: number;
  /** How many most likely alternatives to return, 0 … 20. */
  readonly topLogprobs: number;
}

/** The sampled token; log-probabilities are those of the raw model distribution (before temperature and filters). */
export interface SampleResult {
  readonly id: number;
  readonly logprob: number;
  readonly top: readonly { readonly id: number; readonly logprob: number }[];
  /** False when the row held NaN or no finite logit: no token was chosen. */
  readonly finite: boolean;
}

/**
 * The parallel operators. Each call returns when the region is complete. For any fixed input the output bits do not
 * depend on `rows` (batch), on the thread count, nor on the SIMD variant.
 */
export interface Operators {
  /** Threads in use. */
  readonly threads: number;
  /** "relaxed" or "plain": which SIMD variant passed the self-test and runs. */
  readonly variant: "relaxed" | "plain";

  /**
   * How many threads work from the next region on; the others sleep.
   * @throws KernelError FIELD_OUT_OF_RANGE unless 1 to the number the pool was made with
   */
  useThreads(count: number): void;
  /**
   * Through how many runs of weights a single row of activations goes at once, one of STREAM_COUNTS: which is fastest
   * depends on the processor; the first is in use until another is chosen.
   * @throws KernelError FIELD_OUT_OF_RANGE for another number
   */
  useStreams(count: number): void;
  /** out[r, :] = table[ids[r], :] · scale, dequantized. `ids` i32 [rows], `out` f32 [rows, cols]. */
  embed(a: { table: PackedMatrix; ids: Pointer; rows: number; scale: number; out: Pointer }): void;
  /** x[r, :] += y[r, :]; f32 [rows, cols]. */
  addRows(a: { x: Pointer; y: Pointer; rows: number; cols: number }): void;
  /** x[indices[r], :] += factors[r] · y[r, :]; `indices` i32 [rows], all different, `factors` f32 [rows]. */
  scatterRows(a: {
    x: Pointer;
    y: Pointer;
    indices: Pointer;
    factors: Pointer;
    rows: number;
    cols: number;
  }): void;
  /** x *= factor; f32 [rows, cols]. */
  scaleRows(a: { x: Pointer; factor: number; rows: number; cols: number }): void;
  /** out = x / rms(x) · weight, f32 [rows, cols]. */
  rmsNorm(a: { x: Pointer; weight: Pointer; eps: number; rows: number; cols: number; out: Pointer }): void;
  /**
   * Activations of f32 rows in the given form; `out` holds `activationBytes(form, rows, cols)`. From two rows on, pairs
   * of rows are interleaved: `matmul` must be called with the same `rows` on the same `out`.
   */
  quantize(a: { x: Pointer; form: ActivationForm; rows: number; cols: number; out: Pointer }): void;
  /** Fused `x += add` (if `add` ≠ 0), rmsNorm, quantize: same bits as the three separate calls. */
  rmsNormQuantize(a: {
    x: Pointer;
    add: Pointer;
    weight: Pointer;
    eps: number;
    form: ActivationForm;
    rows: number;
    cols: number;
    out: Pointer;
  }): void;
  /** y[r, o] = Σ_k w[o, k]·x[r, k]; or x_residual: y += when `accumulate`. `yStride` in floats between rows of y. */
  matmul(a: {
    weight: PackedMatrix;
    x: Pointer;
    rows: number;
    y: Pointer;
    yStride: number;
    accumulate: boolean;
  }): void;
  /** out[r, i] = act(gateUp[r, gate i]) · gateUp[r, up i]; gateUp f32 [rows, 2·cols], gate first, then up. */
  glu(a: { gateUp: Pointer; activation: GateActivation; rows: number; cols: number; out: Pointer }): void;
  /** Fused glu + quantize, same bits. */
  gluQuantize(a: {
    gateUp: Pointer;
    activation: GateActivation;
    form: ActivationForm;
    rows: number;
    cols: number;
    out: Pointer;
  }): void;
  /**
   * Transforms q, k and v of each row, writes k and v into the row's KV page, and leaves the quantized query for
   * `attention` in `query`. qkv f32 [rows, (heads + 2·kvHeads)·headDim].
   * `positions` i32 [rows]; `pageTables` u32 [rows]: address of each row's page table.
   */
  ropeStore(a: {
    qkv: Pointer;
    rows: number;
    positions: Pointer;
    pageTables: Pointer;
    layer: number;
    shape: KvShape;
    heads: number;
    transform: HeadTransform;
    query: Pointer;
  }): void;
  /** Partial attention (m, l, o) of every unit × kv head, then the merge in ascending segment order into
   * out f32 [rows, heads·headDim]. `units` points to `unitCount` records written by `writeUnits`;
   * `partials` holds `partialBytes(rows, maxSegments, heads, headDim)`. `window`: a row sees itself and the
   * window − 1 tokens before it; 0 = all before it. */
  attention(a: {
    query: Pointer;
    units: Pointer;
    unitCount: number;
    rows: number;
    positions: Pointer;
    layer: number;
    shape: KvShape;
    heads: number;
    maxSegments: number;
    window: number;
    partials: Pointer;
    out: Pointer;
  }): void;
  /** Applies a chain of instances to each row: `instances` u32 [rows] (0 = untouched); x f32, `xStride` in floats. */
  applyPrograms(a: { x: Pointer; xStride: number; rows: number; instances: Pointer }): void;
  /** Samples (or scores) one row of logits, which penalties and biases change; runs on the calling thread only. */
  sample(request: SampleRequest): SampleResult;
  /** Puts back what `sample` of the same request has changed in its row; nothing else may run between them. */
  restoreLogits(request: SampleRequest): void;
  /** Log-softmax values of chosen ids in one row of logits, without sampling. */
  logprobs(a: { logits: Pointer; vocabulary: number; ids: readonly number[] }): number[];
}
