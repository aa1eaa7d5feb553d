/**
 * What loaders of model folders (transformers.js, Optimum) read beside an ONNX decoder: `config.json` in the words of the
 * family's own configuration, and `generation_config.json`.
 */
import type { ModelConfig } from "../model/config.ts";

/** Files of a model folder, by name; contents are JSON values. */
export type HubFiles = Readonly<Record<"config.json" | "generation_config.json", object>>;

/** Names of a family where they are not the architecture's own. */
const NAMES: Readonly<Record<string, { readonly type: string; readonly class: string }>> = {
  llama: { type: "llama", class: "LlamaForCausalLM" },
  qwen2: { type: "qwen2", class: "Qwen2ForCausalLM" },
  qwen3: { type: "qwen3", class: "Qwen3ForCausalLM" },
  gemma3: { type: "gemma3_text", class: "Gemma3ForCausalLM" },
  smollm3: { type: "smollm3", class: "SmolLM3ForCausalLM" },
  phi3: { type: "phi3", class: "Phi3ForCausalLM" },
};

/** The files of a folder with a graph of the model. */
export function hubFiles(config: ModelConfig, bosId: number | undefined): HubFiles {
  const { architecture } = config.family;
  const name = NAMES[architecture] ?? { type: architecture, class: architecture };
  const ends = config.stopIds.length === 1 ? config.stopIds[0] : config.stopIds;
  const ids = { bos_token_id: bosId ?? null, eos_token_id: ends, pad_token_id: config.stopIds[0] ?? null };
  return {
    "config.json": {
      architectures: [name.class],
      model_type: name.type,
      vocab_size: config.vocabulary,
      hidden_size: config.width,
      intermediate_size: config.feedForward,
      num_hidden_layers: config.layers,
      num_attention_heads: config.heads,
      num_key_value_heads: config.kvHeads,
      head_dim: config.headDim,
      max_position_embeddings: config.contextTokens,
      rms_norm_eps: config.normEpsilon,
      rope_theta: config.rotations[0]?.base,
      hidden_act: config.family.activation === "silu" ? "silu" : "gelu_pytorch_tanh",
      tie_word_embeddings: config.tiedHead,
      ...ids,
      torch_dtype: "float32",
      // transformers.js looks for weights outside the graph only where it is told to.
      "transformers.js_config": { use_external_data_format: true },
    },
    "generation_config.json": { ...ids, do_sample: false },
  };
}
