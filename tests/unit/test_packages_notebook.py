"""Packing from a real kernel: cells have no file, classes in them no source that Python finds, and cells are run again."""

from __future__ import annotations

from typing import Any

import nbformat
from nbclient import NotebookClient

CELLS = [
    "from __future__ import annotations\nimport json\nfrom fclab import Lab\nfrom fclab.model import FunctionSpec\n"
    "from fclab.packages.source import pack_source\nlab = Lab()",
    "class Boom(Exception):\n    pass\n\nclass Kind:\n    def name(self):\n        return 'old'",
    "from dataclasses import dataclass\n@dataclass\nclass Note:\n    text: str = 'n'\nRATE = 2",
    "class Kind:\n    def name(self):\n        return 'new'",
    "def helper(x):\n    return x * RATE\n"
    "@lab.function(timeout=5)\ndef hello(event: Missing, context):\n    try:\n        raise Boom('b')\n    except Boom as error:\n"
    "        return json.dumps([helper(4), str(error), Note().text, Kind().name()])",
    "source = pack_source({'handler': lab.functions['hello'].handler})\nspace = {'__name__': 'index'}\n"
    "import sys, types\nsys.modules['index'] = module = types.ModuleType('index')\n"
    "exec(source.files['index.py'], module.__dict__)\nprint(module.hello(b'', None))\nprint('lab' in module.__dict__, source.names)",
    "def shows(event, context):\n    display('x')\n"
    "try:\n    pack_source({'handler': shows})\nexcept Exception as error:\n    print(type(error).__name__, error)",
]


def test_functions_of_cells_are_packed_with_what_they_use() -> None:
    made: Any = nbformat.v4
    book = made.new_notebook(cells=[made.new_code_cell(cell) for cell in CELLS])
    NotebookClient(book, timeout=120, kernel_name="python3").execute()
    printed = ["".join(output.get("text", "") for output in cell.outputs) for cell in book.cells]
    assert printed[-2] == '[8, "b", "n", "new"]\n' + "False {'handler': 'hello'}\n"
    assert printed[-1].startswith("PackageError 'display' belongs to the notebook. 'shows' uses it.")
