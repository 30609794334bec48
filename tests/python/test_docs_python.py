"""The snippets of docs/python.md and of the README run, in their order."""

import contextlib
import io
import os
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import door  # noqa: E402

from PIL import Image  # noqa: E402

import dmsnet  # noqa: E402


class Snippets(unittest.TestCase):

    def setUp(self):
        self.fixture = door.Fixture()
        self.addCleanup(self.fixture.close)
        for eye, name in enumerate(("l.jpg", "r.jpg")):
            Image.fromarray(door.retina(eye)).save(self.fixture.at(name))
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.fixture.folder)

    def run_page(self, name):
        """What the page's snippets print, one after the other."""
        text = (door.ROOT / name).read_text()
        names, printed = {}, io.StringIO()
        snippets = re.findall(r"```python\n(.*?)```", text, re.S)
        self.assertTrue(snippets, name)
        with contextlib.redirect_stdout(printed):
            for at, snippet in enumerate(snippets):
                code = compile(snippet, f"{name}, snippet {at + 1}", "exec")
                exec(code, names)
        if "model" in names:
            names["model"].close()
        return printed.getvalue()

    def test_docs_python(self):
        printed = self.run_page("docs/python.md")
        self.assertIn("c gone.jpg: cannot open: No such file", printed)
        self.assertIn("DMS_EIO gone.jpg: cannot open", printed)
        for name in ("copy", "weights", "backbone"):
            self.assertTrue(os.path.exists(f"{name}.safetensors"))

    def test_readme(self):
        self.run_page("README.md")

    def test_the_page_has_every_error(self):
        text = (door.ROOT / "docs/python.md").read_text()
        rows = dict(re.findall(r"\| `(\w+)` \| `(\w+)` \|", text))
        for name in dmsnet.__all__:
            kind = getattr(dmsnet, name)
            if (not isinstance(kind, type) or kind is dmsnet.Error or
                    kind is dmsnet.StoppedError or
                    not issubclass(kind, dmsnet.Error)):
                continue
            self.assertEqual(rows.pop(name), kind.__bases__[1].__name__)
        self.assertEqual(rows, {})


if __name__ == "__main__":
    unittest.main()
