"""Calibrating from Python: the command line's file, report and words."""

import json
import os
import pathlib
import random
import sys
import tempfile
import unittest
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import door  # noqa: E402

import dmsnet  # noqa: E402

CODES = "NDGCAHMO"


class Calibrate(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        door.check_build()
        holder = tempfile.TemporaryDirectory(prefix="dmsnet-door-")
        cls.addClassCleanup(holder.cleanup)
        cls.folder = pathlib.Path(holder.name)
        cls.model, cls.table = cls.at("m"), cls.at("labels.csv")
        cls.files = [cls.at("p1.csv"), cls.at("p2.csv")]
        made = door.cli("init", "--backbone", "resnet18", "--width", 16,
                        "--size", 64, "--out", cls.model)
        assert made.returncode == 0, made.stderr
        draw = random.Random(5)
        header = f"ID,{','.join(CODES)}\n"
        texts = {name: header for name in (cls.table, *cls.files)}
        for i in range(100):
            truth = [int(draw.random() < 0.4) for _ in CODES]
            texts[cls.table] += f"{i},{','.join(map(str, truth))}\n"
            p = [f"{0.1 + 0.3 * t + 0.5 * draw.random():.6f}" for t in truth]
            texts[cls.files[i % 2]] += f"{i},{','.join(p)}\n"
        for name, text in texts.items():
            pathlib.Path(name).write_text(text)

    @classmethod
    def at(cls, name):
        return os.fspath(cls.folder / name)

    def calibrate(self, out, **options):
        return dmsnet.calibrate(self.model, self.table, self.at(out),
                                predictions=self.files, **options)

    def test_file_and_report_are_the_command_lines(self):
        report = self.calibrate("c", method="temperature",
                                point="specificity=0.9")
        made = door.cli("calibrate", "--model", self.model, "--data",
                        self.table, "--method", "temperature", "--point",
                        "specificity=0.9", "--out", self.at("d"), "--json",
                        "--predictions", *self.files)
        self.assertEqual(json.loads(made.stdout), report)
        self.assertEqual(door.content(self.at("c")),
                         door.content(self.at("d")))
        with dmsnet.load(self.at("c")) as model:
            self.assertEqual(model.info["calibration"]["slopes"],
                             [row["slope"] for row in
                              report["labels"].values()])
            self.assertEqual(list(model.thresholds.values()),
                             [row["threshold"] for row in
                              report["labels"].values()])

    def test_labels_with_too_few_patients_are_warned_of(self):
        few = self.at("few.csv")
        lines = pathlib.Path(self.files[0]).read_text().splitlines(True)[:9]
        pathlib.Path(few).write_text("".join(lines))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            dmsnet.calibrate(self.model, self.table, self.at("f"),
                             predictions=[few])
        self.assertEqual({w.category for w in caught}, {dmsnet.ModelWarning})
        self.assertIn("N, D, G, C, A, H, M, O: fewer than 10",
                      str(caught[0].message))

    def test_wrong_options_are_named(self):
        for says, options in (
                ("split 'some' is not one of", {"split": "some"}),
                ("method 'best' is not one of platt", {"method": "best"}),
                ("operating point 'f3' is not", {"point": "f3"}),
                ("a batch of 0 patients", {"batch": 0})):
            with self.assertRaises(dmsnet.InvalidError) as caught:
                self.calibrate("x", **options)
            self.assertIn(says, str(caught.exception))
        with self.assertRaises(dmsnet.InvalidError):
            dmsnet.calibrate(self.model, self.table, self.model)
        self.assertFalse(os.path.exists(self.at("x")))

    def test_a_model_that_is_no_file_is_the_librarys_to_refuse(self):
        pathlib.Path(self.at("there")).write_text("kept")
        for model in ("no-such-model", self.at("missing.safetensors")):
            with self.assertRaises(dmsnet.FileError):
                dmsnet.calibrate(model, self.table, self.at("there"),
                                 predictions=self.files)
        self.assertEqual(pathlib.Path(self.at("there")).read_text(), "kept")


if __name__ == "__main__":
    unittest.main()
