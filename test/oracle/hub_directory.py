"""A llama GGUF file as a directory of the hub: dequantised weights in safetensors, config.json, tokenizer.json.

Usage: hub_directory.py MODEL. Operation (see lines.py): write(path, dtype, shards): dtype is F32, F16 or BF16.
Independent of the code under test: own GGUF reader, own safetensors writer. Needs numpy.
"""
import json
import os
import sys

import numpy as np
from gguf import Gguf
from lines import serve

NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
GLOBAL = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}


def in_halves(rows, heads):
    """Rows of every head from neighbours (2i, 2i + 1) back to halves (i, i + dim / 2)."""
    count, columns = rows.shape
    return rows.reshape(heads, count // heads // 2, 2, columns).swapaxes(1, 2).reshape(count, columns)


def encode(values, dtype):
    if dtype == "F32":
        return values.astype("<f4")
    if dtype == "F16":
        return values.astype("<f2")
    bits = np.ascontiguousarray(values, "<f4").view("<u4")
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def tensors_of(model):
    meta = model.metadata
    heads, kv_heads = meta["llama.attention.head_count"], meta["llama.attention.head_count_kv"]
    for name in model.tensors:
        values = model.tensor(name)
        if name in GLOBAL:
            yield GLOBAL[name], values
            continue
        _, layer, role, kind = name.split(".")
        if role in ("attn_q", "attn_k"):
            values = in_halves(values, heads if role == "attn_q" else kv_heads)
        yield f"model.layers.{layer}.{NAMES[role]}.{kind}", values


def save(path, tensors, dtype):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    size = 4 if dtype == "F32" else 2
    for name, values in tensors:
        end = offset + values.size * size
        header[name] = {"dtype": dtype, "shape": list(values.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, values in tensors:
            encode(values, dtype).tofile(file)


def config_of(meta):
    get = lambda key: meta[f"llama.{key}"]  # noqa: E731
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": get("embedding_length"),
        "intermediate_size": get("feed_forward_length"),
        "max_position_embeddings": get("context_length"),
        "num_attention_heads": get("attention.head_count"),
        "num_hidden_layers": get("block_count"),
        "num_key_value_heads": get("attention.head_count_kv"),
        "rms_norm_eps": 1e-5,
        "rope_scaling": None,
        "rope_theta": int(get("rope.freq_base")),
        "tie_word_embeddings": True,
        "bos_token_id": meta["tokenizer.ggml.bos_token_id"],
        "eos_token_id": meta["tokenizer.ggml.eos_token_id"],
        "vocab_size": get("vocab_size"),
    }


def tokenizer_of(meta):
    """The files of a byte-level vocabulary that cuts text like SmolLM: single digits, then words."""
    tokens, types = meta["tokenizer.ggml.tokens"], meta["tokenizer.ggml.token_type"]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    digits = {"type": "Digits", "individual_digits": True}
    unknown = tokens[meta["tokenizer.ggml.unknown_token_id"]]
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": i, "content": tokens[i], **flags} for i, kind in enumerate(types) if kind == 3],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [digits, byte_level]},
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(tokens)},
            "merges": meta["tokenizer.ggml.merges"],
        },
    }
    settings = {
        "bos_token": tokens[meta["tokenizer.ggml.bos_token_id"]],
        "eos_token": tokens[meta["tokenizer.ggml.eos_token_id"]],
        "unk_token": unknown,
        "chat_template": meta["tokenizer.chat_template"],
    }
    return tokenizer, settings


def main():
    model = Gguf(sys.argv[1])

    def write(path, dtype, shards=1):
        os.makedirs(path, exist_ok=True)
        put = lambda name, value: json.dump(value, open(os.path.join(path, name), "w"))  # noqa: E731
        put("config.json", config_of(model.metadata))
        tokenizer, settings = tokenizer_of(model.metadata)
        put("tokenizer.json", tokenizer)
        put("tokenizer_config.json", settings)
        tensors = list(tensors_of(model))
        if shards == 1:
            save(os.path.join(path, "model.safetensors"), tensors, dtype)
            return len(tensors)
        places = {}
        for shard in range(shards):
            file = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
            save(os.path.join(path, file), tensors[shard::shards], dtype)
            places.update({name: file for name, _ in tensors[shard::shards]})
        put("model.safetensors.index.json", {"metadata": {}, "weight_map": places})
        return len(tensors)

    serve({"write": write}, {})


main()
