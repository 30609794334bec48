"""The structs of python/dmsnet/_structs.py lie as the C compiler lays them."""

import ctypes
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from door import ROOT, check_build  # noqa: E402

from dmsnet import _library, _structs  # noqa: E402

COMPILER = os.environ.get("CC") or shutil.which("gcc") or shutil.which("cc")


def measured():
    """Sizes and offsets from a C program: {"dms_pair.id": 0, ...}."""
    lines = []
    for name, struct in _structs.STRUCTS.items():
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        for field in struct._fields_:
            lines.append(
                f'printf("{name}.{field[0]} %zu\\n", '
                f"offsetof({name}, {field[0]}));")
    source = ("#include <dms/dms.h>\n#include <stddef.h>\n"
              "#include <stdio.h>\nint main(void)\n{\n" + "\n".join(lines) +
              '\nprintf("last_status %d\\n", DMS_EINTERNAL);'
              '\nprintf("winograd_yes %d\\n", DMS_WINOGRAD_YES);'
              '\nprintf("warning %d\\n", DMS_LOG_WARNING);'
              "\nreturn 0;\n}\n")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "sizes.c")
        path.write_text(source)
        program = str(path.with_suffix(""))
        subprocess.run([COMPILER, "-std=c11", f"-I{ROOT / 'include'}",
                        str(path), "-o", program], check=True)
        text = subprocess.run([program], check=True, capture_output=True,
                              text=True).stdout
    return {k: int(v) for k, v in (line.split() for line in text.splitlines())}


class Structs(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        check_build()
        cls.c = measured()

    def test_every_size_and_offset_is_the_compilers(self):
        for name, struct in _structs.STRUCTS.items():
            with self.subTest(name):
                self.assertEqual(ctypes.sizeof(struct), self.c[name])
            for field in struct._fields_:
                with self.subTest(f"{name}.{field[0]}"):
                    self.assertEqual(getattr(struct, field[0]).offset,
                                     self.c[f"{name}.{field[0]}"])

    def test_every_struct_of_a_declared_function_is_measured(self):
        known = set(_structs.STRUCTS.values())
        for name, (result, arguments) in _library._FUNCTIONS.items():
            for kind in [result, *arguments]:
                kind = getattr(kind, "_type_", kind)
                if isinstance(kind, type) and issubclass(kind,
                                                         ctypes.Structure):
                    self.assertIn(kind, known, name)

    def test_numbers_written_out_in_python_are_those_of_the_headers(self):
        from dmsnet import _errors, _model
        self.assertEqual(len(_errors.STATUSES), self.c["last_status"])
        self.assertEqual(_model._WARNING, self.c["warning"])
        self.assertEqual(_model._compute("fp32", 0, True).winograd,
                         self.c["winograd_yes"])

    def test_every_function_is_in_a_public_header(self):
        text = "".join(path.read_text() for path in
                       (ROOT / "include/dms").glob("*.h"))
        for name in _library._FUNCTIONS:
            self.assertRegex(text, rf"\b{name}\(")

    def test_statuses_have_the_headers_names_in_its_order(self):
        from dmsnet import _errors
        text = (ROOT / "include/dms/status.h").read_text()
        places = [text.index(f"    {kind.status}") for kind in
                  _errors.STATUSES]
        self.assertEqual(places, sorted(places))

    def test_the_package_has_the_librarys_version(self):
        import dmsnet
        self.assertEqual(dmsnet.__version__,
                         _library.lib().dms_version().decode())
        toml = (ROOT / "python/pyproject.toml").read_text()
        self.assertIn(f'version = "{dmsnet.__version__}"', toml)


if __name__ == "__main__":
    unittest.main()
