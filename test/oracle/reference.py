"""An f32 forward pass of the llama family on dequantised GGUF weights, in numpy: slow, simple, the reference of the tests.

Usage: reference.py MODEL. Operations (see lines.py): logits, residuals. Needs numpy.
Cost: 4 bytes a weight; about 0.5 s for 40 positions of a 135M model on two cores.
"""
import sys

import numpy as np
from gguf import Gguf
from lines import serve

f32 = np.float32


class Llama:
    def __init__(self, path):
        file = Gguf(path)
        meta = file.metadata
        arch = meta["general.architecture"]
        get = lambda key, default=None: meta.get(f"{arch}.{key}", default)  # noqa: E731
        self.layers = get("block_count")
        self.width = get("embedding_length")
        self.heads = get("attention.head_count")
        self.kv_heads = get("attention.head_count_kv", self.heads)
        self.head_dim = get("attention.key_length", self.width // self.heads)
        self.eps = f32(get("attention.layer_norm_rms_epsilon"))
        self.rope_base = get("rope.freq_base", 10000.0)
        self.rope_dim = get("rope.dimension_count", self.head_dim)
        self.weights = {name: file.tensor(name) for name in file.tensors}
        self.output = self.weights.get("output.weight", self.weights["token_embd.weight"])

    def run(self, ids, add=None, residuals=()):
        """Logits [n, vocabulary] and {layer: residual after the block [n, width]}.

        add: [layer, vector] pairs; the vector is added to the residual after that block, at every position.
        Layer -1 among `residuals` is the embedding.
        """
        weights = self.weights
        x = weights["token_embd.weight"][ids].astype(f32)
        kept = {-1: x.copy()} if -1 in residuals else {}
        for layer in range(self.layers):
            part = lambda name: weights[f"blk.{layer}.{name}.weight"]  # noqa: B023, E731
            x = x + self._attention(self._norm(x, part("attn_norm")), part)
            h = self._norm(x, part("ffn_norm"))
            gate = h @ part("ffn_gate").T
            x = x + ((gate / (1 + np.exp(-gate))) * (h @ part("ffn_up").T)) @ part("ffn_down").T
            for where, vector in add or []:
                if where == layer:
                    x = x + np.asarray(vector, f32)
            if layer in residuals:
                kept[layer] = x.copy()
        return self._norm(x, weights["output_norm.weight"]) @ self.output.T, kept

    def _norm(self, x, weight):
        return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + self.eps) * weight

    def _rope(self, x):
        """Rotates neighbours (2i, 2i+1): GGUF files of the llama family hold q and k permuted for this."""
        half = self.rope_dim // 2
        angle = np.arange(x.shape[0])[:, None] * self.rope_base ** (-np.arange(half) * 2.0 / self.rope_dim)
        cos, sin = np.cos(angle).astype(f32)[:, None, :], np.sin(angle).astype(f32)[:, None, :]
        turned = x.copy()
        even, odd = x[..., 0 : self.rope_dim : 2], x[..., 1 : self.rope_dim : 2]
        turned[..., 0 : self.rope_dim : 2] = even * cos - odd * sin
        turned[..., 1 : self.rope_dim : 2] = even * sin + odd * cos
        return turned

    def _attention(self, h, part):
        n = h.shape[0]
        split = lambda y, heads: y.reshape(n, heads, self.head_dim)  # noqa: E731
        q = self._rope(split(h @ part("attn_q").T, self.heads))
        k = self._rope(split(h @ part("attn_k").T, self.kv_heads))
        v = split(h @ part("attn_v").T, self.kv_heads)
        future = np.triu(np.full((n, n), -np.inf, f32), 1)
        out = np.empty((n, self.heads, self.head_dim), f32)
        group = self.heads // self.kv_heads
        for head in range(self.heads):
            scores = q[:, head] @ k[:, head // group].T / f32(np.sqrt(self.head_dim)) + future
            scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
            out[:, head] = (scores / scores.sum(axis=-1, keepdims=True)) @ v[:, head // group]
        return out.reshape(n, -1) @ part("attn_output").T


def main():
    model = Llama(sys.argv[1])

    def logits(ids, path, add=None, first=0):
        """Writes f32 logits of positions from `first` on to `path`, row by row; answers [rows, vocabulary]."""
        rows = model.run(ids, add)[0][first:]
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
