"""The program gives the same bytes in every locale.

dmsnet itself never calls setlocale; a preloaded library (tests/preload) does
it for the program, and aborts where the locale is missing.
"""
import filecmp
import json
import os
import pathlib
import re
import struct
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("DMS_BUILD", ROOT / "build")).resolve()
PRELOAD = BUILD / "tests-tools" / "set_locale.so"
# A decimal comma; an i that is no ASCII; a decimal point of two bytes.
FOREIGN = ("de_DE.UTF-8", "tr_TR.UTF-8", "ps_AF.UTF-8")

TINY = ["--backbone", "resnet18", "--width", "16", "--size", "32"]
COMMANDS = {
    "synth": "synth set -n 16 --size 64",
    "check": "data check set",
    "check-json": "data check set --json",
    "help": "help train",
    "init": ["init", *TINY, "--out", "m"],
    "info": "info m",
    "info-json": "info m --json",
    "predict": "predict --model m set/images",
    "predict-json": "predict --model m set/images --json",
    "predict-csv": "predict --model m set/images --format csv",
    "evaluate": "evaluate --model m --data set --split all --out e "
                "--resamples 10 --json",
    "evaluate-text": "evaluate --model m --data set --split all --resamples 10",
    "score": "score --labels set/annotations.csv "
             "--predictions e/predictions.csv --resamples 10 --json",
    "score-text": "score --labels set/annotations.csv "
                  "--predictions e/predictions.csv --resamples 10 "
                  "--threshold 0.4",
    "train": ["train", "--data", "set", "--run", "r", "--epochs", "1",
              "--batch", "4", "--val", "0.25", "--lr", "0.00125",
              "--checkpoint-interval", "1.5h", "--threads", "1", "--deterministic",
              *TINY],
    "resume": "train --resume --run r --epochs 1",
    "export": "export --model m --onnx m.onnx --safetensors all",
    "import": "import all --out i --json",
    "refused": ["train", "--data", "set", "--run", "x", "--epochs", "1",
                "--lr", "1,5", *TINY],
    "out of range": ["train", "--data", "set", "--run", "x", "--epochs", "1",
                     "--val", "0.75", *TINY],
    "no file": "predict --model nosuch --left a.jpg",
}
# What a clock or the machine's load decides.
TIMED = re.compile(
    r'("(?:seconds|images_per_s|started|elapsed|epoch_seconds)": )[^,}\n]+|'
    r"^dmsnet: \S.* \d+/\d+.*$\n?|"
    r"[\d.e+]+ images/s|\b\d+:\d\d\b", re.M)


def run(words, folder, locale):
    words = words.split() if isinstance(words, str) else words
    env = {**os.environ, "LC_ALL": "C", "LD_PRELOAD": str(PRELOAD),
           "DMS_TEST_LOCALE": locale, "HOME": str(folder)}
    return subprocess.run([BUILD / "dmsnet", *words], cwd=folder, env=env,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=300, check=False)


def masked(data):
    return TIMED.sub(r"\1#", data.decode())


def header(path):
    """A safetensors header: length, then JSON."""
    data = path.read_bytes()
    size, = struct.unpack("<Q", data[:8])
    return data[8:8 + size]


def without_times(csv):
    rows = [line.split(",") for line in csv.splitlines()]
    timed = {i for i, name in enumerate(rows[0])
             if name in ("seconds", "images_per_s")}
    return [[c for i, c in enumerate(row) if i not in timed] for row in rows]


class Locales(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(holder.cleanup)
        cls.folders, cls.said = {}, {}
        for locale in ("C", *FOREIGN):
            folder = pathlib.Path(holder.name) / locale / "work"
            folder.mkdir(parents=True)
            cls.folders[locale] = folder
            cls.said[locale] = {name: run(words, folder, locale)
                                for name, words in COMMANDS.items()}

    def test_the_preload_sets_the_locale(self):
        for locale in FOREIGN:
            env = {**os.environ, "LD_PRELOAD": str(PRELOAD),
                   "DMS_TEST_LOCALE": locale}
            said = subprocess.run(
                ["/usr/bin/python3", "-c", "import locale; "
                 "print(ascii(locale.localeconv()['decimal_point']))"],
                env=env, capture_output=True, text=True, check=True)
            self.assertIn(said.stdout, ("','\n", "'\\u066b'\n"), locale)

    def test_a_missing_locale_ends_the_program(self):
        done = run("help", self.folders["C"], "xx_XX.UTF-8")
        self.assertEqual(done.returncode, -6)

    def test_the_commands_work_at_all(self):
        for name, done in self.said["C"].items():
            good = name not in ("refused", "out of range", "no file")
            self.assertEqual(done.returncode == 0, good,
                             f"{name}: {done.stderr.decode()}")

    def test_what_is_printed(self):
        for locale in FOREIGN:
            for name, want in self.said["C"].items():
                got = self.said[locale][name]
                name = f"{name} in {locale}"
                self.assertEqual(got.returncode, want.returncode, name)
                self.assertEqual(masked(got.stdout), masked(want.stdout), name)
                self.assertEqual(masked(got.stderr), masked(want.stderr), name)

    def test_files_that_no_clock_decides(self):
        files = ["set/annotations.csv", "m", "i", "m.onnx", "e/metrics.json",
                 "e/predictions.csv", "r/config.yaml", "r/best.safetensors",
                 "r/last.safetensors"]
        for locale in FOREIGN:
            same, other, missing = filecmp.cmpfiles(
                self.folders["C"], self.folders[locale], files, False)
            self.assertEqual((len(same), other, missing),
                             (len(files), [], []), locale)

    def test_files_but_for_the_times_in_them(self):
        want = self.folders["C"]
        for locale in FOREIGN:
            got = self.folders[locale]
            for name in ("r/run.json", "r/metrics.jsonl"):
                self.assertEqual(masked((got / name).read_bytes()),
                                 masked((want / name).read_bytes()), locale)
            name = "r/metrics.csv"
            self.assertEqual(without_times((got / name).read_text()),
                             without_times((want / name).read_text()), locale)

    def test_every_json_reads_back(self):
        for locale in ("C", *FOREIGN):
            folder, said = self.folders[locale], self.said[locale]
            for name in ("check-json", "info-json", "predict-json", "evaluate",
                         "score", "import"):
                json.loads(said[name].stdout)
            for name in ("m", "r/best.safetensors", "r/checkpoint.safetensors"):
                metadata = json.loads(header(folder / name))["__metadata__"]
                for text in metadata.values():
                    if text.startswith("{"):
                        json.loads(text)
            json.loads((folder / "r/run.json").read_text())

    def test_the_result_of_training_has_nine_digits_of_the_log(self):
        for locale in ("C", *FOREIGN):
            result = json.loads(self.said[locale]["train"].stdout)
            record = json.loads(
                (self.folders[locale] / "r/metrics.jsonl").read_text())
            for name in ("train_loss", "val_loss"):
                self.assertEqual(result[name], float(f"{record[name]:.9g}"))


if __name__ == "__main__":
    unittest.main()
