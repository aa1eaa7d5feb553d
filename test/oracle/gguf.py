"""A small GGUF reader with dequantisation to f32 (every type of ggml), independent of the one under test.

Source: the GGUF specification and ggml's block layouts. Needs numpy.
"""
import mmap
import struct

import numpy as np

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9


def _half(blocks, at):
    return np.ascontiguousarray(blocks[:, at : at + 2]).view(np.float16).astype(np.float32)


def _nibbles(packed):
    return np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.float32)


def _q4_0(blocks):
    return (_nibbles(blocks[:, 2:]) - 8) * _half(blocks, 0)


def _q4_1(blocks):
    return _nibbles(blocks[:, 4:]) * _half(blocks, 0) + _half(blocks, 2)


def _q8_0(blocks):
    return blocks[:, 2:].view(np.int8).astype(np.float32) * _half(blocks, 0)


# type number -> (elements a block, bytes a block, dequantiser of rows of bytes)
TYPES = {
    0: (1, 4, lambda b: b.view(np.float32)),
    1: (1, 2, lambda b: b.view(np.float16).astype(np.float32)),
    2: (32, 18, _q4_0),
    3: (32, 20, _q4_1),
    8: (32, 34, _q8_0),
}


def by_package(kind):
    """The same for other types by the PyPI package gguf, which this file hides by its name."""
    import os
    import sys
    import types

    folder = next(path for path in sys.path if os.path.exists(os.path.join(path, "gguf", "quants.py")))
    package = types.ModuleType("gguf_package")
    package.__path__ = [os.path.join(folder, "gguf")]
    sys.modules.setdefault("gguf_package", package)
    from gguf_package.constants import GGML_QUANT_SIZES, GGMLQuantizationType
    from gguf_package.quants import dequantize

    name = GGMLQuantizationType(kind)
    return *GGML_QUANT_SIZES[name], lambda rows: dequantize(rows, name).astype(np.float32)


class Gguf:
    """metadata: dict; tensor(name): f32 array, the slowest dimension first."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._at = 0
        if self._take("4s") != b"GGUF":
            raise ValueError("not a GGUF file")
        self._take("I")
        tensors, entries = self._take("Q"), self._take("Q")
        self.metadata = {}
        for _ in range(entries):
            key = self._text()
            self.metadata[key] = self._value(self._take("I"))
        self.tensors = {}
        for _ in range(tensors):
            name = self._text()
            dims = [self._take("Q") for _ in range(self._take("I"))]
            kind, offset = self._take("I"), self._take("Q")
            self.tensors[name] = (dims, kind, offset)
        alignment = self.metadata.get("general.alignment", 32)
        self._data = (self._at + alignment - 1) // alignment * alignment

    def tensor(self, name):
        dims, kind, offset = self.tensors[name]
        elements, size, dequantise = TYPES.get(kind) or by_package(kind)
        count = int(np.prod(dims)) // elements
        raw = np.frombuffer(self._bytes, np.uint8, count * size, self._data + offset)
        return np.ascontiguousarray(dequantise(raw.reshape(count, size))).reshape(dims[::-1])

    def _take(self, kind):
        (value,) = struct.unpack_from("<" + kind, self._bytes, self._at)
        self._at += struct.calcsize("<" + kind)
        return value

    def _text(self):
        size = self._take("Q")
        self._at += size
        return self._bytes[self._at - size : self._at].decode("utf-8", "surrogateescape")

    def _value(self, kind):
        if kind == STRING:
            return self._text()
        if kind == ARRAY:
            inner = self._take("I")
            return [self._value(inner) for _ in range(self._take("Q"))]
        return self._take(SCALARS[kind])
