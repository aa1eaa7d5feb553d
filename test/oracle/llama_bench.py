"""Speed of llama.cpp through its C API: same arguments as llama.py. Contexts are kept between calls, filled once to their depth
and cut back after each run, so that a round costs only what is timed. Threads wait in one pool that is kept, as in llama-bench.
"""
import ctypes as c
import time

import llama  # importing it loads the model

LIB, p, i32 = llama.LIB, llama.p, llama.i32
THREADS = llama.OPTIONS.get("threads", 1)
Q4_0_FILE, Q8_0 = 2, 8
cut = llama.function("llama_memory_seq_rm", c.c_bool, p, i32, i32, i32)
attach = llama.function("llama_attach_threadpool", None, p, p, p)
contexts, held = {}, {}


def new_pool(threads):
    """The pool belongs to the backend that was chosen for this processor, so it is asked for."""
    ask = llama.function("ggml_backend_reg_get_proc_address", p, p, c.c_char_p, library=llama.GGML)
    device = llama.function("ggml_backend_dev_by_type", p, i32, library=llama.GGML)(0)
    owner = llama.function("ggml_backend_dev_backend_reg", p, p, library=llama.BASE)(device)
    params = (c.c_char * 4096)()
    llama.function("ggml_threadpool_params_init", None, p, i32, library=llama.BASE)(params, threads)
    return c.CFUNCTYPE(p, p)(ask(owner, b"ggml_threadpool_new"))(c.cast(params, p))


POOL = new_pool(THREADS) if THREADS > 1 else None


def token(i):
    return 300 + i * 7919 % (llama.VOCABULARY - 400)


def fill(where, count, sequence, shift=0):
    for start in range(0, count, llama.MAX_BATCH):
        span = range(start, min(start + llama.MAX_BATCH, count))
        llama.step(where, [(token(i + shift), i, sequence, int(i == count - 1)) for i in span])
    llama.synchronize(where)


def context_for(room, sequences, kv, flash, depth):
    """A context whose sequences hold `depth` tokens each."""
    key = (room, sequences, kv, flash, depth)
    if key not in contexts:
        made = contexts[key] = llama.new_context(room * sequences, sequences, kv, flash)
        if POOL:
            attach(made, POOL, POOL)
    where = contexts[key]
    memory = llama.memory_of(where)
    whole = [key in held and cut(memory, sequence, depth, -1) for sequence in range(sequences)]
    if not all(whole):
        llama.clear(memory, True)
        for sequence in range(sequences):
            fill(where, depth, sequence, sequence)
        held[key] = True
    return where


def decode(tokens, depth=0, sequences=1, kv="f16", flash=-1):
    """Seconds of `tokens` steps of `sequences` sequences that hold `depth` tokens each."""
    where = context_for(depth + 128, sequences, kv, flash, depth)
    assert tokens < 120
    # The first step after a pause wakes the threads and is not timed.
    for i in range(tokens + 1):
        if i == 1:
            began = time.perf_counter()
        llama.step(where, [(token(i + s), depth + i, s, 1) for s in range(sequences)])
        llama.synchronize(where)
    return time.perf_counter() - began


def prefill(tokens, kv="f16", flash=-1):
    """Seconds of a prompt of `tokens` tokens, its last logits included."""
    where = context_for(tokens + 8, 1, kv, flash, 0)
    began = time.perf_counter()
    fill(where, tokens, 0)
    return time.perf_counter() - began


def quantize(path):
    """Writes the model as Q4_0 with a Q8_0 embedding and head, as llama-quantize does with --allow-requantize."""
    params = llama.function("llama_model_quantize_default_params", llama.Params)()
    flags = bytearray(bytes(params)[16:22])
    assert params.v[0] == 0 and bytes(flags) == b"\0\1\0\0\0\0", "unknown quantize params"
    params.v[1], params.v[2], params.v[3] = Q4_0_FILE, Q8_0, Q8_0
    c.memset(c.addressof(params) + 16, 1, 1)
    run = llama.function("llama_model_quantize", c.c_uint32, c.c_char_p, c.c_char_p, c.POINTER(llama.Params))
    status = run(llama.MODEL.encode(), path.encode(), c.byref(params))
    assert status == 0, f"llama_model_quantize answered {status}"


def backend():
    """Vector instructions of the backend that was loaded for this processor."""
    with open("/proc/self/maps", encoding="utf8") as file:
        names = {line.split("libggml-cpu-")[1].split(".so")[0] for line in file if "libggml-cpu-" in line}
    return ", ".join(sorted(names))


if __name__ == "__main__":
    llama.serve(
        {"decode": decode, "prefill": prefill, "quantize": quantize}, {**llama.READY, "backend": backend()}
    )
