"""The layers check finds what it is there for."""

import importlib.machinery
import importlib.util
import pathlib
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parent.parent / "check_layers"
loader = importlib.machinery.SourceFileLoader("check_layers", str(TOOL))
spec = importlib.util.spec_from_loader("check_layers", loader)
check_layers = importlib.util.module_from_spec(spec)
loader.exec_module(check_layers)

LAYERS = """
[rank]
base = 0
oci = 1
"blob/fs" = 2
[only]
"sqlite3.h" = []
"""


class CheckLayers(unittest.TestCase):
    def problems(self, files):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in {"tools/layers.toml": LAYERS, **files}.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            return list(check_layers.problems(root))

    def test_downwards_is_fine(self):
        self.assertEqual(self.problems({"src/blob/fs/a.cpp": '#include "base/b.hpp"\n#include <string>\n'}), [])

    def test_upwards_is_named_with_file_and_line(self):
        found = self.problems({"src/base/a.cpp": '\n#include "blob/fs/b.hpp"\n'})
        self.assertEqual(found, ["src/base/a.cpp:2: base must not know blob/fs"])

    def test_foreign_headers_have_owners(self):
        self.assertEqual(len(self.problems({"src/oci/a.cpp": "#include <sqlite3.h>\n"})), 1)

    def test_unknown_modules_long_files_and_missing_readmes(self):
        found = self.problems({
            "src/new/a.cpp": "",
            "src/base/long.cpp": "\n" * 601,
            "src/oci/CMakeLists.txt": "",
        })
        self.assertEqual(len(found), 3)


if __name__ == "__main__":
    unittest.main()
