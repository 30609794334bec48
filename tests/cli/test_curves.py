"""curves.svg of a run: well-formed, and as long as the run."""
import os
import pathlib
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMS_BUILD", ROOT / "build")).resolve()
DMSNET = str(BUILD / "dmsnet")
SVG = "{http://www.w3.org/2000/svg}"


class Curves(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.run_dmsnet("synth", "data", "--patients", "12", "--size", "64")

    def run_dmsnet(self, *words):
        run = subprocess.run([DMSNET, *words], cwd=self.folder,
                             capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)

    def train(self, *more):
        self.run_dmsnet(
            "train", "--data", "data", "--run", "r", "--backbone", "resnet18",
            "--width", "16", "--size", "32", "--batch", "4", "--val", "0.3",
            "--schedule", "constant", "--threads", "1", *more)

    def panels(self):
        """title -> the points of each curve"""
        page = ElementTree.parse(self.folder / "r/curves.svg").getroot()
        self.assertEqual(page.tag, SVG + "svg")
        found = {}
        for panel in page.iter(SVG + "g"):
            title = panel.find(SVG + "text").text
            found[title] = [
                len(path.get("d").replace("M", "L").split("L")) - 1
                for path in panel.iter(SVG + "path")
                if path.get("stroke-linejoin") and "h" not in path.get("d")]
        return found

    def test_a_resumed_run_is_drawn_from_its_first_epoch_on(self):
        self.train("--epochs", "1")
        self.assertEqual(self.panels(), {"loss": [1, 1], "odir_final": [1],
                                         "learning rate": [1]})
        self.train("--epochs", "3", "--resume")
        self.assertEqual(self.panels(), {"loss": [3, 3], "odir_final": [3],
                                         "learning rate": [3]})


if __name__ == "__main__":
    unittest.main()
