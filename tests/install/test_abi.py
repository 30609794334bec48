"""Programs that were built against an earlier patch of this MAJOR.MINOR go on
working: abidiff finds no break between the baseline and the present headers,
and finds the breaks that are planted."""

import importlib.machinery
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMS_BUILD", ROOT / "build")).resolve()
SUPPRESSIONS = ROOT / "tests" / "install" / "abi.suppr"


def load_tool():
    path = str(ROOT / "tools" / "abi-baseline")
    loader = importlib.machinery.SourceFileLoader("abi_baseline", path)
    spec = importlib.util.spec_from_loader("abi_baseline", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


tool = load_tool()


def compare(old, new):
    """abidiff's exit status (0: nothing that matters) and words."""
    done = subprocess.run(
        ["abidiff", "--no-added-syms", "--suppressions", SUPPRESSIONS, old,
         new], capture_output=True, text=True)
    if done.returncode & 3:
        raise RuntimeError(f"abidiff: {done.stdout}{done.stderr}")
    return done.returncode, done.stdout


# name of the plant, header, what is written instead of what
BREAKS = (
    ("a function is gone", "model.h",
     "double dms_model_temperature(const dms_model *model);", ""),
    ("a parameter has another type", "model.h",
     "dms_model_label_code(const dms_model *model, int k)",
     "dms_model_label_code(const dms_model *model, long k)"),
    ("a member in the middle of options", "compute.h",
     "    dms_winograd winograd;\n",
     "    dms_winograd winograd;\n    double planted;\n"),
    ("a member in the middle of a prediction", "session.h",
     "    int label_count;", "    double planted;\n    int label_count;"),
    ("a plain value grows", "session.h",
     "} dms_pair;", "    double planted;\n} dms_pair;"),
    ("a member in the middle of a label's row", "metrics.h",
     "    double prior; ", "    double planted;\n    double prior; "),
    ("a figure between others", "metrics.h",
     "    DMS_METRIC_F1,\n", "    DMS_METRIC_PLANTED,\n    DMS_METRIC_F1,\n"),
    ("a status between others", "status.h",
     "    DMS_ENOMEM,", "    DMS_EPLANTED,\n    DMS_ENOMEM,"),
)
GROWTH = (
    ("a function more", "model.h",
     "double dms_model_temperature(const dms_model *model);",
     "double dms_model_temperature(const dms_model *model);\n"
     "double dms_model_planted(const dms_model *model);"),
    ("options grow at the end", "export.h",
     "} dms_onnx_options;", "    double planted;\n} dms_onnx_options;"),
    ("a prediction grows at the end", "session.h",
     "} dms_prediction;", "    double planted;\n} dms_prediction;"),
    ("a report grows at the end", "quantize.h",
     "} dms_quantize_report;", "    double planted;\n} dms_quantize_report;"),
    ("figures grow at the end", "metrics.h",
     "} dms_report;", "    double planted;\n} dms_report;"),
    ("a label's row grows at the end", "metrics.h",
     "} dms_label_report;", "    double planted;\n} dms_label_report;"),
    ("a headline figure more", "metrics.h",
     "    DMS_METRICS\n", "    DMS_METRIC_PLANTED,\n    DMS_METRICS\n"),
    ("options of scoring grow at the end", "metrics.h",
     "} dms_score_options;", "    double planted;\n} dms_score_options;"),
)


class Abi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.work = pathlib.Path(folder.name)
        cls.present = tool.build_face(cls.work / "present.so")

    def with_headers(self, header, old, new):
        """The library of the headers with one text replaced."""
        headers = self.work / "planted"
        shutil.rmtree(headers, ignore_errors=True)
        shutil.copytree(ROOT / "include", headers)
        path = headers / "dms" / header
        text = path.read_text()
        self.assertIn(old, text)
        path.write_text(text.replace(old, new, 1))
        return tool.build_face(self.work / "planted.so", headers)

    def test_libdmsnet_exports_what_is_compared_and_has_its_soname(self):
        shared = BUILD / "libdmsnet.so"
        lines = tool.run("nm", "-D", "--defined-only", shared).splitlines()
        exported = {line.split()[-1].split("@")[0] for line in lines}
        self.assertEqual(exported, set(tool.prototypes()))
        dynamic = tool.run("readelf", "-d", shared)
        self.assertEqual(re.search(r"soname: \[(.*)\]", dynamic)[1],
                         tool.soname())

    def test_nothing_breaks_within_a_soname(self):
        baseline = tool.BASELINE.read_text()
        found = re.search(r"soname='(.*?)'", baseline)[1]
        if found != tool.soname():  # a new soname may break everything
            self.assertLess(self.numbers(found), self.numbers(tool.soname()))
            return
        status, words = compare(tool.BASELINE, self.present)
        self.assertEqual(status, 0, words)

    @staticmethod
    def numbers(soname):
        return [int(n) for n in soname.split(".so.")[1].split(".")]

    def test_the_baseline_names_no_path_of_a_machine(self):
        described = tool.describe(self.present, self.work / "present.abi")
        for text in (described.read_text(), tool.BASELINE.read_text()):
            paths = re.findall(r"path='([^']*/[^']*)'", text)
            self.assertEqual(paths, [])

    def test_the_interface_is_the_same_as_its_own_description(self):
        described = tool.describe(self.present, self.work / "present.abi")
        status, words = compare(described, self.present)
        self.assertEqual(status, 0, words)

    def test_planted_breaks_are_found(self):
        for name, header, old, new in BREAKS:
            with self.subTest(name):
                planted = self.with_headers(header, old, new)
                self.assertNotEqual(compare(self.present, planted)[0], 0)

    def test_growth_is_no_break(self):
        for name, header, old, new in GROWTH:
            with self.subTest(name):
                planted = self.with_headers(header, old, new)
                status, words = compare(self.present, planted)
                self.assertEqual(status, 0, words)


if __name__ == "__main__":
    unittest.main()
