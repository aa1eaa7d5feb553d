"""llama.cpp through its C API: the oracle of the tests. Python because ctypes passes structs by value.

Usage: llama.py LIBRARIES MODEL OPTIONS (JSON: vocab_only, context, threads, kv: f32 | f16 | q8_0, backend: a name such as
haswell instead of the best for this processor).
Parameter structs are opaque and oversized: their defaults come from the library, known fields are patched by offset.
The offsets hold for release v0.5.0 (npm package 3.22.1, pinned) and are checked against known defaults at start.
"""
import ctypes as c
import glob
import json
import os
import sys
import time

from lines import serve

DIRECTORY, MODEL, OPTIONS = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
KV_TYPES = {"f32": 0, "f16": 1, "q8_0": 8}
# Indices of 32-bit fields; VOCAB_ONLY and CALLBACK are byte offsets.
VOCAB_ONLY, CALLBACK = 72, 88
N_CTX, N_BATCH, N_UBATCH, N_SEQ, FLASH, TYPE_K, TYPE_V = 0, 1, 2, 3, 13, 26, 27
MAX_BATCH = 512
i32, p = c.c_int32, c.c_void_p


class Params(c.Structure):
    _fields_ = [("v", i32 * 256)]


class Batch(c.Structure):
    _fields_ = [
        ("n", i32),
        ("token", c.POINTER(i32)),
        ("embd", c.POINTER(c.c_float)),
        ("pos", c.POINTER(i32)),
        ("n_seq", c.POINTER(i32)),
        ("seq", c.POINTER(c.POINTER(i32))),
        ("logits", c.POINTER(c.c_int8)),
    ]


def load(name):
    return c.CDLL(glob.glob(os.path.join(DIRECTORY, name))[0], mode=c.RTLD_GLOBAL)


BASE = load("libggml-base.so")
GGML, LIB = load("libggml.v*.so"), load("libllama.v*.so")


def function(name, result, *arguments, library=LIB):
    made = getattr(library, name)
    made.restype, made.argtypes = result, arguments
    return made


LOG = c.CFUNCTYPE(None, i32, c.c_char_p, p)
quiet = LOG(lambda level, text, data: sys.stderr.write(text.decode("utf-8", "replace")) if level == 4 else None)
function("llama_log_set", None, LOG, p)(quiet, None)
BACKEND = OPTIONS.get("backend")
if BACKEND:
    path = os.path.join(DIRECTORY, f"libggml-cpu-{BACKEND}.so")
    assert function("ggml_backend_load", p, c.c_char_p, library=GGML)(path.encode()), f"no backend {BACKEND}"
else:
    function("ggml_backend_load_all_from_path", None, c.c_char_p, library=GGML)(DIRECTORY.encode())
function("llama_backend_init", None)()
decode = function("llama_decode", i32, p, Batch)
batch_init = function("llama_batch_init", Batch, i32, i32, i32)
logits_at = function("llama_get_logits_ith", c.POINTER(c.c_float), p, i32)
clear = function("llama_memory_clear", None, p, c.c_bool)
memory_of = function("llama_get_memory", p, p)
free = function("llama_free", None, p)
set_threads = function("llama_set_n_threads", None, p, i32, i32)
synchronize = function("llama_synchronize", None, p)
set_cvec = function("llama_set_adapter_cvec", i32, p, c.POINTER(c.c_float), c.c_size_t, i32, i32, i32)
c_tokenize = function("llama_tokenize", i32, p, c.c_char_p, i32, c.POINTER(i32), i32, c.c_bool, c.c_bool)
to_piece = function("llama_token_to_piece", i32, p, i32, c.c_char_p, i32, i32, c.c_bool)
is_control = function("llama_vocab_is_control", c.c_bool, p, i32)
is_end = function("llama_vocab_is_eog", c.c_bool, p, i32)


def load_model():
    params = function("llama_model_default_params", Params)()
    assert params.v[4] == -1 and bytes(params)[VOCAB_ONLY : VOCAB_ONLY + 4] == b"\0\0\1\0", "unknown model params"
    c.memset(c.addressof(params) + VOCAB_ONLY, 1 if OPTIONS.get("vocab_only") else 0, 1)
    model = function("llama_model_load_from_file", p, c.c_char_p, Params)(MODEL.encode(), params)
    if not model:
        raise SystemExit("llama.cpp refuses the model")
    return model


model = load_model()
vocab = function("llama_model_get_vocab", p, p)(model)
VOCABULARY = function("llama_vocab_n_tokens", i32, p)(vocab)
WIDTH = 0 if OPTIONS.get("vocab_only") else function("llama_model_n_embd", i32, p)(model)
LAYERS = 0 if OPTIONS.get("vocab_only") else function("llama_model_n_layer", i32, p)(model)


def new_context(context=None, sequences=1, kv=None, flash=-1, callback=None):
    """A context for `context` tokens in all; `flash` is 0 (off), 1 (on) or -1 (llama.cpp's choice).

    `callback(tensor, asking, data)` is called for every tensor of the graph, see llama_watch.py.
    """
    params = function("llama_context_default_params", Params)()
    expected = {N_CTX: 512, N_BATCH: 2048, N_UBATCH: 512, N_SEQ: 1, FLASH: -1, TYPE_K: 1, TYPE_V: 1}
    assert all(params.v[at] == value for at, value in expected.items()), "unknown context params"
    params.v[N_CTX] = context or OPTIONS.get("context", 2048)
    params.v[N_BATCH] = params.v[N_UBATCH] = MAX_BATCH
    params.v[N_SEQ], params.v[FLASH] = sequences, flash
    params.v[TYPE_K] = params.v[TYPE_V] = KV_TYPES[kv or OPTIONS.get("kv", "f16")]
    if callback:
        c.memmove(c.addressof(params) + CALLBACK, c.byref(p(c.cast(callback, p).value)), c.sizeof(p))
    made = function("llama_init_from_model", p, p, Params)(model, params)
    if not made:
        raise RuntimeError("llama.cpp refuses the context")
    set_threads(made, OPTIONS.get("threads", 1), OPTIONS.get("threads", 1))
    return made


context = None if OPTIONS.get("vocab_only") else new_context()
BATCH = batch_init(MAX_BATCH, 0, 1)


def step(where, rows):
    """Decodes rows of (token, position, sequence, wants logits)."""
    BATCH.n = len(rows)
    for i, (token, position, sequence, wanted) in enumerate(rows):
        BATCH.token[i], BATCH.pos[i], BATCH.n_seq[i], BATCH.logits[i] = token, position, 1, wanted
        BATCH.seq[i][0] = sequence
    status = decode(where, BATCH)
    if status != 0:
        raise RuntimeError(f"llama_decode answered {status}")


def prefill(ids, wanted, where=None):
    """Decodes a fresh sequence; yields the logits row of each position for which wanted(position)."""
    where = where or context
    clear(memory_of(where), True)
    for start in range(0, len(ids), MAX_BATCH):
        rows = [(ids[i], i, 0, int(wanted(i))) for i in range(start, min(start + MAX_BATCH, len(ids)))]
        step(where, rows)
        for at, row in enumerate(rows):
            if row[3]:
                yield logits_at(where, at)


def tokenize(texts, add_special, parse_special):
    answers = []
    for text in texts:
        raw = text.encode("utf-8", "surrogatepass")
        room = len(raw) + 16
        ids = (i32 * room)()
        count = c_tokenize(vocab, raw, len(raw), ids, room, add_special, parse_special)
        assert count >= 0
        answers.append(ids[:count])
    return answers


def pieces():
    buffer = c.create_string_buffer(4096)
    answer = []
    for token in range(VOCABULARY):
        size = to_piece(vocab, token, buffer, 4096, 0, True)
        answer.append([buffer.raw[: max(size, 0)].hex(), is_control(vocab, token), is_end(vocab, token)])
    return answer


def logits(ids, path, first=0):
    """Writes f32 logits of positions from `first` on to `path`, row by row; answers [rows, vocabulary]."""
    with open(path, "wb") as file:
        for row in prefill(ids, lambda i: i >= first):
            file.write(c.string_at(row, VOCABULARY * 4))
    return [len(ids) - first, VOCABULARY]


def surprisal(ids):
    """Nats by which each id after the first surprises."""
    import numpy as np

    answer = []
    for at, row in enumerate(prefill(ids[:-1], lambda i: True)):
        values = np.ctypeslib.as_array(row, (VOCABULARY,)).astype(np.float64)
        largest = values.max()
        answer.append(float(largest + np.log(np.exp(values - largest).sum()) - values[ids[at + 1]]))
    return answer


def best(row):
    values = row[:VOCABULARY]
    return values.index(max(values))


def greedy(ids, n):
    last = len(ids) - 1
    (row,) = prefill(ids, lambda i: i == last)
    answer = [best(row)]
    while len(answer) < n:
        step(context, [(answer[-1], last + len(answer), 0, 1)])
        answer.append(best(logits_at(context, 0)))
    return answer


def control_vector(path, scale=1.0, start=1, end=None):
    """Adds `scale` times direction.N of a GGUF file after block N, for blocks start..end; path None removes it."""
    if path is None:
        return set_cvec(context, None, 0, WIDTH, 0, 0)
    from gguf import Gguf

    file = Gguf(path)
    data = (c.c_float * (WIDTH * (LAYERS - 1)))()
    for name in file.tensors:
        layer = int(name.split(".")[1])
        values = (file.tensor(name) * scale).ravel().tolist()
        data[(layer - 1) * WIDTH : layer * WIDTH] = values
    status = set_cvec(context, data, len(data), WIDTH, start, LAYERS - 1 if end is None else end)
    assert status == 0, status
    return status


READY = {"vocabulary": VOCABULARY, "layers": LAYERS, "width": WIDTH}

if __name__ == "__main__":
    serve(
        {
            "tokenize": tokenize,
            "pieces": pieces,
            "logits": logits,
            "surprisal": surprisal,
            "greedy": greedy,
            "control_vector": control_vector,
        },
        READY,
    )
