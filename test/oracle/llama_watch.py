"""The inside of llama.cpp: residuals after every block, logits, and how peaked attention is, all in f32.

Usage as llama.py. Needs numpy. Without flash attention, the probabilities are tensors of the graph.
"""
import ctypes as c

import numpy as np
from lines import serve
from llama import BASE, READY, VOCABULARY, WIDTH, LAYERS, function, new_context, p, prefill

WATCH = c.CFUNCTYPE(c.c_bool, p, c.c_bool, p)
name_of = function("ggml_get_name", c.c_char_p, p, library=BASE)
bytes_of = function("ggml_nbytes", c.c_size_t, p, library=BASE)
read = function("ggml_backend_tensor_get", None, p, p, c.c_size_t, c.c_size_t, library=BASE)
RESIDUAL, PROBABILITIES = "l_out-", "kq_soft_max-"
FIRST_ROW = 8
seen = {}


def watch(tensor, asking, _):
    """Answers whether a tensor is wanted, then keeps its values."""
    name = name_of(tensor).decode()
    wanted = name.startswith((RESIDUAL, PROBABILITIES))
    if wanted and not asking:
        data = c.create_string_buffer(bytes_of(tensor))
        read(tensor, data, 0, len(data))
        seen[name] = np.frombuffer(data.raw, np.float32)
    return wanted or not asking


watcher = WATCH(watch)
context = new_context(kv="f32", flash=0, callback=watcher)


def look(ids, path):
    """Writes residuals [layers, n, width], then logits [n, vocabulary], to `path`; answers how many values."""
    with open(path, "wb") as file:
        rows = [np.ctypeslib.as_array(row, (VOCABULARY,)).copy() for row in prefill(ids, lambda i: True, context)]
        parts = [seen[f"{RESIDUAL}{layer}"] for layer in range(LAYERS)] + rows
        for part in parts:
            part.tofile(file)
    return [LAYERS * len(ids) * WIDTH + len(ids) * VOCABULARY]


def peaks(heads):
    """Of the last ids: by layer, the mean over heads and later rows of the largest probability of a row."""
    answer = []
    for layer in range(LAYERS):
        values = seen[f"{PROBABILITIES}{layer}"]
        rows = seen[f"{RESIDUAL}{layer}"].size // WIDTH
        answer.append(float(values.reshape(heads, rows, -1).max(axis=-1)[:, FIRST_ROW:].mean()))
    return answer


serve({"look": look, "peaks": peaks}, READY)
