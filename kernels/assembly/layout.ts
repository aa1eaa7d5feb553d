/**
 * Addresses and sizes inside the kernels' own part of the arena, and the sizes of every record the kernels read.
 * Read by the AssemblyScript sources and by the bindings in ../src: plain integer constants only.
 *
 *   0        64       128    192                        256         512         3584    4096        65536
 *   | unused | ticket | done | epoch sleepers stop … | arguments | constants | spill | histogram | scratch of thread 0, 1, …
 */

/** u64: epoch << 32 | chunks << 16 | next chunk. */
export const TICKET = 64;
/** i32: chunks of the current region that are complete. */
export const DONE = 128;
/** i32: 1 while the caller sleeps until DONE changes. */
export const WAITING = 132;
/** i32: number of the region; sleeping threads wait on it. */
export const EPOCH = 192;
export const SLEEPERS = 196;
export const STOP = 200;
/** i32: polls before a thread goes to sleep. */
export const SPIN = 204;
/** i32: set when a thread has left its loop by a trap: a region waiting for its chunk must not wait forever. */
export const FAULT = 212;
/**
 * u32: CONSTANTS. Read from memory, it is a register to the engine's compiler, and each constant one load at an
 * immediate offset; as a number it would be built again for every constant.
 */
export const TABLE = 216;
/** i32: threads in use, the caller included; those beyond sleep until it changes. */
export const ACTIVE = 220;
/** i32: runs of groups that one row of activations meets at once: even, at most MAX_STREAMS. */
export const STREAMS = 224;
/** i32: operator of the current region. */
export const OPERATOR = 208;
/** u32 or f32 [64]: arguments of the current region. */
export const ARGUMENTS = 256;
/** v128 [n]: see `initConstants`. */
export const CONSTANTS = 512;
/** Two vectors whose lanes the sampler indexes. */
export const SPILL = 3584;
/** Bins of the sampler: u32 counts, then f64 masses. */
export const HISTOGRAM = 4096;
export const HISTOGRAM_BINS = 513;
export const SCRATCH = 65536;
/** Unpacked weights of 8-row groups (32 bytes a column of one at most), then results of a partial group. */
export const UNPACK_BYTES = 524288;
export const PARTIAL_GROUP_BYTES = 131072;
export const SCRATCH_BYTES = 655360;
export const MAX_THREADS = 16;
/** First byte that belongs to the caller: SCRATCH + MAX_THREADS · SCRATCH_BYTES. */
export const ARENA_START = 10551296;

export const MAX_COLS = 16384;
export const MAX_ROWS = 4096;
export const MAX_RANK = 256;

export const MAX_STREAMS = 8;
/** Columns of a quantization block, everywhere. */
export const BLOCK = 32;
/** Rows of a weight group. */
export const GROUP = 8;

/** Operators of a region. */
export const OP_EMBED = 1;
export const OP_ADD = 2;
export const OP_NORM = 3;
export const OP_QUANTIZE = 4;
export const OP_NORM_QUANTIZE = 5;
export const OP_MATMUL = 6;
export const OP_GLU = 7;
export const OP_ROPE_STORE = 8;
export const OP_ATTENTION = 9;
export const OP_MERGE = 10;
export const OP_PROGRAMS = 11;
export const OP_SCATTER = 12;
export const OP_SCALE = 13;

/** What a gated unit does to its gate. */
export const GATED_SILU = 0;
export const GATED_GELU = 1;

/** Weight kinds as numbers. */
export const KIND_F32 = 0;
export const KIND_F16 = 1;
export const KIND_Q4_0 = 2;
export const KIND_Q4_1 = 3;
export const KIND_Q8_0 = 4;
export const KIND_BF16 = 5;
export const KIND_Q5_0 = 6;
export const KIND_Q5_1 = 7;
export const KIND_Q2_K = 8;
export const KIND_Q3_K = 9;
export const KIND_Q4_K = 10;
export const KIND_Q5_K = 11;
export const KIND_Q6_K = 12;

/** Activation layouts as numbers; a pair layout interleaves two rows. */
export const LAYOUT_A8 = 0;
export const LAYOUT_A8_PAIR = 1;
export const LAYOUT_A16 = 2;
export const LAYOUT_A16_PAIR = 3;
export const LAYOUT_F32 = 4;

/** Bytes of an activation block of each layout (of two rows for pairs). */
export const A8_BYTES = 48;
export const A8_PAIR_BYTES = 384;
export const A16_BYTES = 80;
export const A16_PAIR_BYTES = 544;
export const F32_BYTES = 128;

/** Bytes of a weight block of 8 rows x 32 columns. */
export const Q4_0_BYTES = 144;
export const Q4_1_BYTES = 160;
export const Q8_0_BYTES = 288;
export const F16_BLOCK_BYTES = 512;
export const F32_BLOCK_BYTES = 1024;
export const Q5_0_BYTES = 176;
export const Q5_1_BYTES = 192;
/** The same for kinds in superblocks of 256 columns, the superblock's header shared out among its 8 blocks. */
export const Q2_K_BYTES = 168;
export const Q3_K_BYTES = 148;
export const Q4_K_BYTES = 152;
export const Q5_K_BYTES = 184;
export const Q6_K_BYTES = 212;
/** Columns of a superblock, in blocks. */
export const SUPER_BLOCKS = 8;
/** Bytes before its blocks: 8 scales, and 8 minima if the kind has them. */
export const HEADER_BYTES = 64;
export const HEADER_SCALES_BYTES = 32;

/** Bytes of a quantized query block: 32 i16, f32 scale four times. */
export const QUERY_BYTES = 80;
/** Largest magnitudes of quantized keys and values, and of queries and probabilities that meet them. */
export const KV8_LIMIT = 127;
export const KV16_LIMIT = 8191;
export const MEET8_LIMIT = 32767;
export const MEET16_LIMIT = 8191;
/** Bytes of attention unit records and of a partial's head before its vector. */
export const UNIT_BYTES = 16;
export const PARTIAL_HEAD_BYTES = 16;
/** Rows of one attention work item at most. */
export const ITEM_ROWS = 32;

export const GATE_CONSTANT = 0;
export const GATE_IDENTITY = 1;
export const GATE_RELU = 2;
export const GATE_THRESHOLD = 3;
export const GATE_TURN = 4;
export const NORM_NONE = 0;
export const NORM_PRESERVE = 1;
export const NORM_CAP = 2;
export const OPERATION_BYTES = 32;
export const INSTANCE_BYTES = 16;
export const PROOF_BYTES = 16;

/** Vector operations of one turn of `issue` (probe.ts). */
export const OPERATIONS_A_TURN = 24;
