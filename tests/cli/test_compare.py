"""The charts of `dmsnet compare`: Python's XML parser reads them, their curves
enclose the areas that the report has, names are escaped."""

import json
import os
import pathlib
import random
import re
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as xml

HERE = pathlib.Path(__file__).resolve().parent
BUILD = os.environ.get("DMS_BUILD", str(HERE.parent.parent / "build"))
SVG = "{http://www.w3.org/2000/svg}"
CODES = ["red", "green", "never"]
# The first is a label's name, the others are files.
LABEL = "retina <red> & \"more\""
FILES = [b"plain.csv", b"a<b>&'\"c.csv", b"caf\xe9.csv", b"line\nbreak.csv"]


def numbers(text):
    return [float(v) for v in re.findall(r"-?\d+\.?\d*", text)]


class Charts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.write_tables(os.fsencode(folder.name))
        done = subprocess.run(
            [os.path.join(BUILD, "dmsnet"), "compare", *FILES, "--labels",
             "labels.csv", "--label-set", "set.yaml", "--resamples", "100",
             "--svg", "charts", "--json"],
            cwd=folder.name, stdout=subprocess.PIPE, check=True)
        cls.report = json.loads(done.stdout)
        cls.charts = {
            path.name: xml.parse(path).getroot()
            for path in pathlib.Path(folder.name, "charts").iterdir()}

    @classmethod
    def write_tables(cls, folder):
        rng = random.Random(4)
        y = [[rng.random() < 0.4, rng.random() < 0.2, False]
             for _ in range(80)]
        header = "ID," + ",".join(CODES) + "\n"
        with open(folder + b"/labels.csv", "w", encoding="ascii") as file:
            file.write(header + "".join(
                f"{i},{int(r[0])},{int(r[1])},{int(r[2])}\n"
                for i, r in enumerate(y)))
        with open(folder + b"/set.yaml", "w", encoding="ascii") as file:
            json.dump({"kind": "any-of", "labels": [
                {"code": c, "name": LABEL if c == "red" else c}
                for c in CODES]}, file)
        for name in FILES:
            with open(folder + b"/" + name, "w", encoding="ascii") as file:
                file.write(header + "".join(
                    "%d,%s\n" % (i, ",".join(
                        str(min(round(0.3 * v + 0.6 * rng.random(), 2), 1))
                        for v in row)) for i, row in enumerate(y)))

    def texts(self, name):
        return [t.text for t in self.charts[name].iter(SVG + "text")]

    def test_a_folder_that_cannot_be_made_is_told_before_the_work(self):
        done = subprocess.run(
            [os.path.join(BUILD, "dmsnet"), "compare", *FILES[:2], "--labels",
             "labels.csv", "--label-set", "set.yaml", "--svg", "set.yaml"],
            cwd=self.folder, capture_output=True, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"set.yaml: is a file, expected a folder", done.stderr)
        self.assertEqual(done.stdout, b"")

    def test_there_are_three_charts(self):
        self.assertEqual(sorted(self.charts), [
            "differences.svg", "precision-recall.svg", "roc.svg"])
        for root in self.charts.values():
            self.assertEqual(root.tag, SVG + "svg")

    def test_names_are_escaped(self):
        for name in self.charts:
            self.assertIn("B: a<b>&'\"c.csv", self.texts(name))
            self.assertIn("C: caf\\xE9.csv", self.texts(name))
            self.assertIn("D: line\\x0Abreak.csv", self.texts(name))
        self.assertIn(LABEL, self.texts("roc.svg"))

    def test_a_label_with_one_class_has_no_curve(self):
        for name in ("roc.svg", "precision-recall.svg"):
            self.assertIn("green", self.texts(name))
            self.assertNotIn("never", self.texts(name))
        self.assertTrue(any(t.startswith("never")
                            for t in self.texts("differences.svg")))

    def areas(self, name):
        """The area under each curve of each panel, as a share of it."""
        out = []
        for panel in self.charts[name].iter(SVG + "g"):
            frame = [r for r in panel.iter(SVG + "rect")][0].attrib
            left, top, width, height = (
                float(frame[k]) for k in ("x", "y", "width", "height"))
            curves = [p for p in panel.iter(SVG + "path")
                      if p.get("stroke-width") == "1.8"
                      and p.get("d").count("L") > 1]
            for curve in curves:
                values = numbers(curve.get("d"))
                x = [(v - left) / width for v in values[0::2]]
                y = [1 - (v - top) / height for v in values[1::2]]
                self.assertAlmostEqual(x[0], 0, 3)
                self.assertAlmostEqual(x[-1], 1, 3)
                out.append(sum((b - a) * (c + d) / 2 for a, b, c, d in
                               zip(x, x[1:], y, y[1:])))
        return out

    def test_curves_enclose_the_reported_areas(self):
        for name, figure in (("roc.svg", "auc"),
                             ("precision-recall.svg", "ap")):
            want = [s["labels"][code][figure]["value"]
                    for code in ("red", "green") for s in self.report["sets"]]
            got = self.areas(name)
            self.assertEqual(len(got), len(want), name)
            for a, b in zip(got, want):
                self.assertAlmostEqual(a, b, delta=1e-3, msg=name)

    def test_series_differ_without_colour(self):
        dashes = {p.get("stroke-dasharray")
                  for p in self.charts["roc.svg"].iter(SVG + "path")
                  if p.get("stroke-width") == "1.8"}
        self.assertEqual(len(dashes), len(FILES))

    def test_every_difference_has_a_row(self):
        rows = self.texts("differences.svg")
        for pair in self.report["pairs"]:
            for name, row in pair["metrics"].items():
                p, holm = (f"{row[k]:.3f}" if row[k] >= 0.001 else "<0.001"
                           for k in ("p", "p_holm"))
                self.assertIn(f"{name}, p {p}, Holm {holm}", rows)


if __name__ == "__main__":
    unittest.main()
