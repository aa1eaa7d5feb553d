/** Sizes of the weight kinds; their layouts stand in matmul-*.ts. */
import { F16_BLOCK_BYTES, F32_BLOCK_BYTES, Q4_0_BYTES, Q4_1_BYTES, Q5_0_BYTES, Q5_1_BYTES, Q8_0_BYTES } from "./layout";
import { KIND_BF16, KIND_F16, KIND_F32, KIND_Q2_K, KIND_Q3_K, KIND_Q4_0, KIND_Q4_1, KIND_Q4_K } from "./layout";
import { KIND_Q5_0, KIND_Q5_1, KIND_Q5_K, KIND_Q6_K } from "./layout";
import { Q2_K_BYTES, Q3_K_BYTES, Q4_K_BYTES, Q5_K_BYTES, Q6_K_BYTES } from "./layout";

/** Bytes of 8 rows x 32 columns. */
export function groupBlockBytes(kind: i32): usize {
  if (kind == KIND_Q4_0) return Q4_0_BYTES;
  if (kind == KIND_Q4_1) return Q4_1_BYTES;
  if (kind == KIND_Q5_0) return Q5_0_BYTES;
  if (kind == KIND_Q5_1) return Q5_1_BYTES;
  if (kind == KIND_Q2_K) return Q2_K_BYTES;
  if (kind == KIND_Q3_K) return Q3_K_BYTES;
  if (kind == KIND_Q4_K) return Q4_K_BYTES;
  if (kind == KIND_Q5_K) return Q5_K_BYTES;
  if (kind == KIND_Q6_K) return Q6_K_BYTES;
  if (kind == KIND_F32) return F32_BLOCK_BYTES;
  return kind == KIND_F16 || kind == KIND_BF16 ? F16_BLOCK_BYTES : Q8_0_BYTES;
}
