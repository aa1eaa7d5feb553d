"""An f32 forward pass of llama, qwen2 and gemma3 files on dequantised weights, in numpy: slow, simple, the reference of the tests.

Usage: reference.py MODEL. Operations (see lines.py): logits, residuals. Needs numpy.
Cost: 4 bytes a weight; about 0.5 s for 40 positions of a 135M model on two cores.
"""
import sys

import numpy as np
from gguf import Gguf
from lines import serve

f32 = np.float32


# Architectures whose queries and keys rotate in halves (i, i + dim/2), not in neighbours (2i, 2i + 1).
HALVES = {"qwen2", "gemma3"}
GEMMA_PATTERN, GEMMA_LOCAL_BASE = 6, 10000.0


class Model:
    def __init__(self, path):
        file = Gguf(path)
        meta = file.metadata
        self.arch = meta["general.architecture"]
        get = lambda key, default=None: meta.get(f"{self.arch}.{key}", default)  # noqa: E731
        self.layers = get("block_count")
        self.width = get("embedding_length")
        self.heads = get("attention.head_count")
        self.kv_heads = get("attention.head_count_kv", self.heads)
        self.head_dim = get("attention.key_length", self.width // self.heads)
        self.eps = f32(get("attention.layer_norm_rms_epsilon"))
        self.rope_base = get("rope.freq_base", 10000.0)
        self.window = get("attention.sliding_window", 0)
        self.weights = {name: file.tensor(name) for name in file.tensors}
        self.output = self.weights.get("output.weight", self.weights["token_embd.weight"])

    def run(self, ids, add=None, residuals=(), first=0):
        """Logits [n - first, vocabulary] and {layer: residual after the block [n, width]}.

        add: [layer, vector] pairs; the vector is added to the residual after that block, at every position.
        Layer -1 among `residuals` is the embedding.
        """
        x = self.weights["token_embd.weight"][ids].astype(f32)
        if self.arch == "gemma3":
            x = x * f32(np.sqrt(self.width))
        kept = {-1: x.copy()} if -1 in residuals else {}
        for layer in range(self.layers):
            part = lambda name: self.weights.get(f"blk.{layer}.{name}")  # noqa: B023, E731
            y = self._attention(self._norm(x, part("attn_norm.weight")), part, layer)
            x = x + self._norm(y, part("post_attention_norm.weight"))
            y = self._mlp(self._norm(x, part("ffn_norm.weight")), part)
            x = x + self._norm(y, part("post_ffw_norm.weight"))
            for where, vector in add or []:
                if where == layer:
                    x = x + np.asarray(vector, f32)
            if layer in residuals:
                kept[layer] = x.copy()
        return self._norm(x[first:], self.weights["output_norm.weight"]) @ self.output.T, kept

    def _norm(self, x, weight):
        """x / rms(x) * weight; x itself without a weight."""
        if weight is None:
            return x
        return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + self.eps) * weight

    def _mlp(self, h, part):
        gate = h @ part("ffn_gate.weight").T
        if self.arch == "gemma3":
            inner = f32(np.sqrt(2 / np.pi)) * (gate + f32(0.044715) * gate**3)
            gate = f32(0.5) * gate * (1 + np.tanh(inner))
        else:
            gate = gate / (1 + np.exp(-gate))
        return (gate * (h @ part("ffn_up.weight").T)) @ part("ffn_down.weight").T

    def _rope(self, x, base):
        """Rotates every head: GGUF files of the llama family hold q and k permuted for neighbours."""
        half = self.head_dim // 2
        angle = np.arange(x.shape[0])[:, None] * base ** (-np.arange(half) * 2.0 / self.head_dim)
        cos, sin = np.cos(angle).astype(f32)[:, None, :], np.sin(angle).astype(f32)[:, None, :]
        one, two = slice(0, None, 2), slice(1, None, 2)
        if self.arch in HALVES:
            one, two = slice(0, half), slice(half, None)
        turned = np.empty_like(x)
        turned[..., one] = x[..., one] * cos - x[..., two] * sin
        turned[..., two] = x[..., one] * sin + x[..., two] * cos
        return turned

    def _attention(self, h, part, layer):
        n = h.shape[0]
        is_local = self.arch == "gemma3" and (layer + 1) % GEMMA_PATTERN != 0
        base = GEMMA_LOCAL_BASE if is_local else self.rope_base

        def heads_of(name, heads):
            y = h @ part(f"{name}.weight").T
            bias = part(f"{name}.bias")
            y = y if bias is None else y + bias
            return self._norm(y.reshape(n, heads, self.head_dim), part(f"{name}_norm.weight"))

        q = self._rope(heads_of("attn_q", self.heads), base)
        k = self._rope(heads_of("attn_k", self.kv_heads), base)
        v = heads_of("attn_v", self.kv_heads)
        hidden = np.triu(np.full((n, n), -np.inf, f32), 1)
        if is_local:
            hidden += np.tril(np.full((n, n), -np.inf, f32), -self.window)
        out = np.empty((n, self.heads, self.head_dim), f32)
        group = self.heads // self.kv_heads
        for head in range(self.heads):
            scores = q[:, head] @ k[:, head // group].T / f32(np.sqrt(self.head_dim)) + hidden
            scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
            out[:, head] = (scores / scores.sum(axis=-1, keepdims=True)) @ v[:, head // group]
        return out.reshape(n, -1) @ part("attn_output.weight").T


def main():
    model = Model(sys.argv[1])

    def logits(ids, path, add=None, first=0):
        """Writes f32 logits of positions from `first` on to `path`, row by row; answers [rows, vocabulary]."""
        rows = model.run(ids, add, first=first)[0]
        rows.astype(f32).tofile(path)
        return list(rows.shape)

    def residuals(ids, layers, path, add=None):
        """Writes the residuals after the blocks of `layers` (-1: the embedding) to `path`, [layers, n, width]."""
        kept = model.run(ids, add, layers)[1]
        rows = np.stack([kept[layer] for layer in layers])
        rows.astype(f32).tofile(path)
        return list(rows.shape)

    ready = {"layers": model.layers, "width": model.width, "vocabulary": int(model.output.shape[0])}
    serve({"logits": logits, "residuals": residuals}, ready)


main()
