"""Quantising from Python: the command line's file, report and words."""

import json
import os
import pathlib
import sys
import tempfile
import unittest
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import door  # noqa: E402

import dmsnet  # noqa: E402
import numpy as np  # noqa: E402


class Quantize(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        door.check_build()
        holder = tempfile.TemporaryDirectory(prefix="dmsnet-door-")
        cls.addClassCleanup(holder.cleanup)
        cls.folder = holder.name
        cls.model, cls.data = cls.at("m"), cls.at("set")
        for words in (("synth", cls.data, "-n", 6, "--size", 64),
                      ("init", "--backbone", "resnet18", "--width", 16,
                       "--size", 64, "--out", cls.model)):
            made = door.cli(*words)
            assert made.returncode == 0, made.stderr
        try:
            cls.report = dmsnet.quantize(cls.model, cls.data, cls.at("q"),
                                         split="all")
        except dmsnet.InvalidError as error:
            if "VNNI" in str(error):
                raise unittest.SkipTest(str(error))
            raise

    @classmethod
    def at(cls, name):
        return os.path.join(cls.folder, name)

    def error_of(self, call, *arguments, **options):
        with self.assertRaises(dmsnet.Error) as caught:
            call(*arguments, **options)
        return caught.exception

    def test_file_and_report_are_the_command_lines(self):
        made = door.cli("quantize", "--model", self.model, "--data", self.data,
                        "--split", "all", "--out", self.at("c"), "--json")
        self.assertEqual(json.loads(made.stdout), self.report)
        self.assertEqual(door.content(self.at("c")),
                         door.content(self.at("q")))

    def test_a_quantised_model_predicts_in_integers(self):
        pair = [self.at(f"set/images/1_{eye}.jpg") for eye in ("left",
                                                               "right")]
        with dmsnet.load(self.model) as exact, \
                dmsnet.load(self.at("q"), precision="int8") as coarse, \
                dmsnet.load(self.at("q"), precision="auto") as auto:
            want = exact.predict(*pair).probabilities
            got = coarse.predict(*pair).probabilities
            self.assertLess(np.abs(got - want).max(), 0.05)
            self.assertTrue((got != want).any())
            np.testing.assert_array_equal(auto.predict(*pair).probabilities,
                                          got)
            self.assertEqual(coarse.info["quantised"]["tensors"],
                             self.report["quantised"])
            self.assertEqual(exact.info["quantised"]["tensors"], 0)

    def test_int8_of_a_float_model_is_refused(self):
        with dmsnet.load(self.model, precision="int8") as model:
            error = self.error_of(
                model.predict, self.at("set/images/1_left.jpg"), None)
        self.assertIsInstance(error, dmsnet.InvalidError)
        self.assertIn("quantise it with dmsnet quantize", str(error))

    def test_wrong_options_are_named(self):
        def words(**options):
            return str(self.error_of(dmsnet.quantize, self.model, self.data,
                                     self.at("x"), **options))

        self.assertIn("split 'some' is not one of all, train, val, test",
                      words(split="some"))
        self.assertIn("method 'best' is not one of percentile, entropy",
                      words(method="best"))
        self.assertIn("0 patients, expected 1 to 4096", words(patients=0))
        self.assertIn("percentile 12, expected 90 to 100",
                      words(percentile=12))
        self.assertIn("is the model itself", str(self.error_of(
            dmsnet.quantize, self.model, self.data, self.model)))
        self.assertIn("is already quantised", str(self.error_of(
            dmsnet.quantize, self.at("q"), self.data, self.at("x"))))
        self.assertFalse(os.path.exists(self.at("x")))

    def test_photographs_that_cannot_be_read_are_warned_of(self):
        bad = pathlib.Path(self.at("set/images/2_left.jpg"))
        was = bad.read_bytes()
        self.addCleanup(bad.write_bytes, was)
        bad.write_bytes(b"no picture")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            dmsnet.quantize(self.model, self.data, self.at("w"), split="all")
        self.assertEqual([w.category for w in caught], [dmsnet.ModelWarning])
        self.assertIn("2_left.jpg", str(caught[0].message))


if __name__ == "__main__":
    unittest.main()
