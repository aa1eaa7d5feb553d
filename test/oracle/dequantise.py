"""Values of GGUF tensor data by the PyPI package gguf (its numpy dequantisers), independent of the reader under test.

Usage: dequantise.py. Operation (see lines.py): values(kind, source, path): `source` is a file of whole rows of `cols`.
The package's own __init__ needs more packages than its dequantisers do, so they are imported past it.
"""
import os
import sys
import types

import numpy as np
from lines import serve

folder = next(path for path in sys.path if os.path.exists(os.path.join(path, "gguf", "quants.py")))
package = types.ModuleType("gguf_package")
package.__path__ = [os.path.join(folder, "gguf")]
sys.modules["gguf_package"] = package
from gguf_package.constants import GGMLQuantizationType  # noqa: E402
from gguf_package.quants import dequantize, quantize  # noqa: E402


def values(kind, source, path):
    """Writes the f32 values of the file `source` of type `kind` (Q5_0 ...) to `path`; answers their number."""
    data = np.fromfile(source, np.uint8)
    found = np.ascontiguousarray(dequantize(data, GGMLQuantizationType[kind]), dtype=np.float32)
    found.tofile(path)
    return [found.size]


def blocks(kind, source, path):
    """The other way: quantises the f32 values in the file `source`; writes the bytes to `path`."""
    found = quantize(np.fromfile(source, np.float32), GGMLQuantizationType[kind])
    np.ascontiguousarray(found).view(np.uint8).tofile(path)
    return [found.size]


with np.errstate(all="ignore"):
    serve({"values": values, "blocks": blocks}, {})
