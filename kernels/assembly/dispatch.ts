/** From the number of an operator to its chunk function; each says what its arguments are. */
import { gluChunk } from "./activation";
import { attentionChunk, mergeChunk } from "./attention";
import { embedChunk } from "./embed";
import { OP_ADD, OP_ATTENTION, OP_EMBED, OP_MATMUL, OP_MERGE, OP_NORM, OP_NORM_QUANTIZE } from "./layout";
import { OP_GLU, OP_PROGRAMS, OP_QUANTIZE, OP_ROPE_STORE, OP_SCALE, OP_SCATTER } from "./layout";
import { matmulChunk } from "./matmul";
import { addChunk, normChunk, normQuantizeChunk, scaleChunk, scatterChunk } from "./norm";
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
  else if (operator == OP_GLU) gluChunk(chunk, scratch);
  else if (operator == OP_QUANTIZE) quantizeChunk(chunk);
  else if (operator == OP_EMBED) embedChunk(chunk);
  else if (operator == OP_ADD) addChunk(chunk);
  else if (operator == OP_NORM) normChunk(chunk);
  else if (operator == OP_SCATTER) scatterChunk(chunk);
  else if (operator == OP_SCALE) scaleChunk(chunk);
  else if (operator == OP_PROGRAMS) programsChunk(chunk, scratch);
}
