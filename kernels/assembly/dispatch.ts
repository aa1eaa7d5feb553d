/** From the number of an operator to its chunk function; each says what its arguments are. */
import { swigluChunk } from "./activation";
import { attentionChunk, mergeChunk } from "./attention";
import { embedChunk } from "./embed";
import { OP_ADD, OP_ATTENTION, OP_EMBED, OP_MATMUL, OP_MERGE, OP_NORM, OP_NORM_QUANTIZE } from "./layout";
import { OP_PROGRAMS, OP_QUANTIZE, OP_ROPE_STORE, OP_SWIGLU } from "./layout";
import { matmulChunk } from "./matmul";
import { addChunk, normChunk, normQuantizeChunk } from "./norm";
import { programsChunk } from "./program";
import { quantizeChunk } from "./quantize";
import { ropeStoreChunk } from "./rope";

/** Runs one chunk of a region with the calling thread's scratch. */
export function runChunk(operator: i32, chunk: usize, scratch: usize): void {
  if (operator == OP_MATMUL) matmulChunk(chunk, scratch);
  else if (operator == OP_NORM_QUANTIZE) normQuantizeChunk(chunk, scratch);
  else if (operator == OP_ATTENTION) attentionChunk(chunk, scratch);
  else if (operator == OP_MERGE) mergeChunk(chunk);
  else if (operator == OP_ROPE_STORE) ropeStoreChunk(chunk, scratch);
  else if (operator == OP_SWIGLU) swigluChunk(chunk, scratch);
  else if (operator == OP_QUANTIZE) quantizeChunk(chunk);
  else if (operator == OP_EMBED) embedChunk(chunk);
  else if (operator == OP_ADD) addChunk(chunk);
  else if (operator == OP_NORM) normChunk(chunk);
  else if (operator == OP_PROGRAMS) programsChunk(chunk, scratch);
}
