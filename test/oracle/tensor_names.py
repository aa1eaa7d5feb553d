"""Names of tensors in GGUF files for the hub's names, by the tables of the PyPI package gguf.

Usage: tensor_names.py. Operation (see lines.py): names(architecture, names): the GGUF name of each, null if unknown.
The package's own __init__ needs more packages than its tables do, so they are imported past it.
"""
import os
import sys
import types

from lines import serve

folder = next(path for path in sys.path if os.path.exists(os.path.join(path, "gguf", "tensor_mapping.py")))
package = types.ModuleType("gguf_package")
package.__path__ = [os.path.join(folder, "gguf")]
sys.modules["gguf_package"] = package
from gguf_package.constants import MODEL_ARCH_NAMES  # noqa: E402
from gguf_package.tensor_mapping import get_tensor_name_map  # noqa: E402


def names_of(architecture, names):
    arch = next(key for key, name in MODEL_ARCH_NAMES.items() if name == architecture)
    table = get_tensor_name_map(arch, 4)
    return [table.get_name(name, try_suffixes=(".weight", ".bias")) for name in names]


serve({"names": names_of}, {})
