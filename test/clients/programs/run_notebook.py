"""Executes the notebook named by the argument in its folder and prints what its cells gave, as JSON; the file stays as it is."""

import json
import pathlib
import sys

import nbclient
import nbformat

path = pathlib.Path(sys.argv[1])
notebook = nbformat.read(path, as_version=4)
nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": path.parent}}).execute()
cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
outputs = [output for cell in cells for output in cell.outputs]
print(json.dumps({
    "cells": len(cells),
    "images": sum("image/png" in output.get("data", {}) for output in outputs),
    "text": "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout"),
    "errors": "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stderr"),
}))
