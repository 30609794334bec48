"""The event files of `dmsnet train --tensorboard`, as TensorBoard reads them:
its checksums, its order of files, its merging of a resumed run.

tools/install-peers.sh makes the Python that has TensorBoard; where it is not to
be had, these tests are skipped."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import numpy as np

try:
    from tensorboard.backend.event_processing import event_accumulator
    from tensorboard.backend.event_processing import event_file_loader
except ImportError:
    event_accumulator = event_file_loader = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMS_BUILD", ROOT / "build")).resolve()
DMSNET = str(BUILD / "dmsnet")
PER_STEP = ("train/loss", "train/lr")
PER_EPOCH = {"train/epoch": "epoch", "train/epoch_loss": "train_loss",
             "validation/loss": "val_loss",
             "validation/macro_auc": "macro_auc",
             "validation/odir_final": "odir_final"}


@unittest.skipUnless(event_accumulator, "no TensorBoard")
class Events(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.run_dmsnet("synth", "data", "--patients", "16", "--size",
                       "64", "--seed", "3")
        cls.train("whole", "--epochs", "3")
        # The epochs of this schedule may change when a run is resumed.
        cls.train("broken", "--epochs", "1")
        cls.train("broken", "--epochs", "3", "--resume")

    @classmethod
    def run_dmsnet(cls, *words):
        run = subprocess.run([DMSNET, *words], cwd=cls.folder,
                             capture_output=True, text=True)
        assert run.returncode == 0, run.stderr

    @classmethod
    def train(cls, run, *more):
        cls.run_dmsnet(
            "train", "--data", "data", "--run", run, "--cache", "cache",
            "--backbone", "resnet18", "--width", "16", "--size", "32",
            "--batch", "4", "--val", "0.3", "--schedule", "constant",
            "--threads", "1", "--deterministic", "--tensorboard", *more)

    def events(self, run):
        reader = event_accumulator.EventAccumulator(
            str(self.folder / run / "tensorboard"), size_guidance={
                event_accumulator.SCALARS: 0})
        reader.Reload()
        return reader

    def log(self, run):
        text = (self.folder / run / "metrics.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]

    def test_every_record_is_accepted(self):
        paths = sorted((self.folder / "whole/tensorboard").iterdir())
        self.assertEqual(len(paths), 1)
        events = list(event_file_loader.LegacyEventFileLoader(
            str(paths[0])).Load())
        self.assertEqual(events[0].file_version, "brain.Event:2")
        read = sum(event.ByteSize() + 16 for event in events)
        self.assertEqual(read, paths[0].stat().st_size)

    def test_each_step_has_its_loss_and_learning_rate_once(self):
        reader, last = self.events("whole"), self.log("whole")[-1]["step"]
        for tag in PER_STEP:
            with self.subTest(tag=tag):
                self.assertEqual([event.step for event in reader.Scalars(tag)],
                                 list(range(1, last + 1)))

    def test_each_epoch_has_the_values_of_metrics_jsonl(self):
        reader, log = self.events("whole"), self.log("whole")
        for tag, name in PER_EPOCH.items():
            with self.subTest(tag=tag):
                self.assertEqual(
                    [(event.step, event.value) for event in reader.Scalars(tag)],
                    [(epoch["step"], np.float32(epoch[name])) for epoch in log])

    def test_labels_have_their_own_auc(self):
        reader = self.events("whole")
        tags = [tag for tag in reader.Tags()["scalars"]
                if tag.startswith("validation_auc/")]
        values = [reader.Scalars(tag)[0].value for tag in tags]
        self.assertGreater(len(tags), 1)
        self.assertLessEqual({tag.split("/")[1] for tag in tags},
                             set("NDGCAHMO"))
        self.assertAlmostEqual(np.mean(values),
                               self.log("whole")[0]["macro_auc"], places=6)

    def test_a_resumed_run_is_one_run(self):
        whole, broken = self.events("whole"), self.events("broken")
        self.assertEqual(
            len(list((self.folder / "broken/tensorboard").iterdir())), 2)
        self.assertEqual(whole.Tags()["scalars"], broken.Tags()["scalars"])
        for tag in whole.Tags()["scalars"]:
            if tag == "train/images_per_s":
                continue
            with self.subTest(tag=tag):
                self.assertEqual(
                    [(e.step, e.value) for e in whole.Scalars(tag)],
                    [(e.step, e.value) for e in broken.Scalars(tag)])


if __name__ == "__main__":
    unittest.main()
