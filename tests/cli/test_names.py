"""Names are bytes: ids, files, folders in Latin-1 or with control characters.

Each output tells them as docs/command-line.md says, a byte that is not UTF-8 as
\\xE9, and they are recovered bit for bit.
"""
import csv
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("DMS_BUILD", ROOT / "build")).resolve()

PATIENTS = 16
TINY = ["--backbone", "resnet18", "--width", "16", "--size", "32"]
TRAIN = ["--epochs", "2", "--batch", "4", "--val", "0.25", "--threads", "1",
         "--deterministic", *TINY]

# Ids of the table, whose encoding is one, without control characters of ASCII.
IDS = ["Jürgen".encode(), b"back\\x41slash", b"C:\\temp", b"a,b;c", b'say "so"',
       b"\xc2\x9b31m"]
# Ids of a folder's files, which are any bytes.
WILD = [*IDS, b"M\xfcller", b"\xe9", b"\\\xff", b"cut \xe2\x82",
        b"line\nbreak", b"\x1b[31mred", b"tab\there", b"bell\x07", b"del\x7f"]

FOLDER = b"caf\xe9 \xfc"  # of everything
DATA, IMAGES, CACHE = b"d\xe4ta", b"bild\xe9r", b"cach\xe9"
MODEL, RUN, OUT = b"mod\xe8l", b"r\xfcn \\x41", b"\xf6ut"
WILDS = b"w\xeflds"
NOTE = b"no\nte\x1b\xe9.txt"


def unescaped(text):
    """A text of an output: the name's bytes, by the rule of the docs."""
    return re.sub(rb"\\x([0-9A-F]{2})",
                  lambda m: bytes([int(m[1], 16)]), text.encode())


def dmsnet(*words, status=0):
    """The finished process, in FOLDER."""
    done = subprocess.run([os.fsencode(BUILD / "dmsnet"), *words],
                          cwd=Names.folder, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=300, check=False,
                          env={**os.environ, "LC_ALL": "C"})
    if done.returncode != status:
        raise AssertionError(f"{words}: {done.returncode}: {done.stderr}")
    return done


def read(*parts):
    return pathlib.Path(os.fsdecode(os.path.join(Names.folder, *parts))
                        ).read_bytes()


def json_of(data):
    """What a strict reader of JSON in UTF-8 takes."""
    return json.loads(data.decode("utf-8", "strict"))


def is_safe(data):
    """Text in UTF-8, of lines without control characters."""
    text = data.decode("utf-8", "strict")
    return not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)


def metadata(path):
    data = read(path)
    size = int.from_bytes(data[:8], "little")
    return json_of(json_of(data[8:8 + size])["__metadata__"]["dmsnet"].encode())


def make_data(folder):
    """The drawn set with the names above, its table beside the photographs."""
    subprocess.run([BUILD / "dmsnet", "synth", "set", "-n", str(PATIENTS),
                    "--size", "64", "--log", "error"], cwd=folder, check=True)
    table = (pathlib.Path(os.fsdecode(folder)) / "set/annotations.csv")
    rows = table.read_bytes().splitlines()
    head = rows[0].split(b",")
    os.makedirs(os.path.join(folder, DATA, IMAGES))
    out = [rows[0]]
    for i, row in enumerate(rows[1:]):
        cells = row.split(b",")
        name = IDS[i] if i < len(IDS) else cells[0]
        for side in (b"Left-Fundus", b"Right-Fundus"):
            at = head.index(side)
            if not cells[at]:
                continue
            new = cells[at]
            if i < 2:
                new = b"\\x41 " + new
            shutil.copy(os.path.join(folder, b"set/images", cells[at]),
                        os.path.join(folder, DATA, IMAGES, new))
            cells[at] = new
        cells[0] = b'"' + name.replace(b'"', b'""') + b'"'
        out.append(b",".join(cells))
    with open(os.path.join(folder, DATA, b"t\xe4ble.csv"), "wb") as file:
        file.write(b"\n".join(out) + b"\n")


def make_wild(folder):
    """A folder of pairs named ID_left.jpg, ID_right.jpg."""
    source = os.path.join(folder, b"set/images")
    picture = os.path.join(source, sorted(os.listdir(source))[0])
    os.makedirs(os.path.join(folder, WILDS))
    for name in WILD:
        for side in (b"left", b"right"):
            shutil.copy(picture, os.path.join(
                folder, WILDS, name + b"_" + side + os.path.splitext(picture)[1]))
    pathlib.Path(os.fsdecode(os.path.join(folder, WILDS, NOTE))).touch()


class Names(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(holder.cleanup)
        cls.folder = os.path.join(os.fsencode(holder.name), FOLDER)
        os.makedirs(cls.folder)
        make_data(cls.folder)
        make_wild(cls.folder)
        cls.data = ["--data", DATA + b"/t\xe4ble.csv", "--images",
                    DATA + b"/" + IMAGES]
        dmsnet("init", *TINY, "--out", MODEL)
        dmsnet("train", *cls.data, "--run", RUN, "--cache", CACHE, "--init",
               MODEL, *TRAIN)
        dmsnet("evaluate", "--model", MODEL, *cls.data, "--split", "all",
               "--out", OUT, "--resamples", "10")

    def test_predict_json_has_every_patient_and_its_files(self):
        done = dmsnet("predict", "--model", MODEL, WILDS, "--json")
        answers = json_of(done.stdout)
        self.assertTrue(is_safe(done.stdout))
        self.assertEqual({unescaped(a["id"]) for a in answers}, set(WILD))
        for answer in answers:
            for side in ("left", "right"):
                path = unescaped(answer[side]["path"])
                self.assertTrue(os.path.isfile(os.path.join(self.folder, path)))
                self.assertTrue(os.path.basename(path).startswith(
                    unescaped(answer["id"]) + b"_" + side.encode()))

    def test_names_in_utf8_stand_as_they_are(self):
        answers = json_of(dmsnet("predict", "--model", MODEL, WILDS, "--json"
                                 ).stdout)
        for name in ("Jürgen", "C:\\temp", "a,b;c", "line\nbreak", "\x9b31m"):
            self.assertIn(name, [a["id"] for a in answers])

    def test_predict_csv_has_every_patient_on_a_line_of_its_own(self):
        done = dmsnet("predict", "--model", MODEL, WILDS, "--format", "csv")
        rows = list(csv.reader(io.StringIO(done.stdout.decode("utf-8"))))
        self.assertTrue(is_safe(done.stdout))
        self.assertEqual(len(done.stdout.splitlines()), len(WILD) + 1)
        self.assertEqual({len(row) for row in rows}, {9})
        self.assertEqual({unescaped(row[0]) for row in rows[1:]}, set(WILD))

    def test_predict_text_is_safe_on_a_terminal(self):
        done = dmsnet("predict", "--model", MODEL, WILDS)
        named = re.findall(r"^patient (.*), left field .*$",
                           done.stdout.decode("utf-8"), re.M)
        self.assertTrue(is_safe(done.stdout))
        self.assertEqual({unescaped(name) for name in named}, set(WILD))

    def test_a_file_that_is_left_out_is_named_by_its_bytes(self):
        done = dmsnet("predict", "--model", MODEL, WILDS)
        self.assertTrue(is_safe(done.stderr))
        self.assertIn(b"1 file is not a photograph: " + NOTE + b"\n",
                      unescaped(done.stderr.decode()))

    def test_one_pair_that_fails_is_named(self):
        words = ["predict", "--model", MODEL, "--id", b"\xe9\n\x1b[2J", "--left",
                 b"no\xe9\x07.jpg"]
        done = dmsnet(*words, "--json", status=1)
        answer, = json_of(done.stdout)
        self.assertEqual(unescaped(answer["id"]), b"\xe9\n\x1b[2J")
        self.assertIn(b"no\xe9\x07.jpg", unescaped(answer["error"]))
        self.assertTrue(is_safe(done.stderr))
        for line in done.stderr.splitlines():
            self.assertTrue(line.startswith(b"dmsnet: "), line)
        self.assertIn(b"no\xe9\x07.jpg", unescaped(done.stderr.decode()))
        done = dmsnet(*words, status=1)
        self.assertTrue(is_safe(done.stdout))
        self.assertIn(b"patient \xe9\n\x1b[2J: no answer: no\xe9\x07.jpg",
                      unescaped(done.stdout.decode()))

    def test_data_check_tells_names_of_what_it_finds(self):
        os.rename(os.path.join(self.folder, DATA, IMAGES),
                  os.path.join(self.folder, DATA, b"away"))
        try:
            done = dmsnet("data", "check", self.data[1], "--images", DATA,
                          "--json", status=1)
            text = dmsnet("data", "check", self.data[1], "--images", DATA,
                          status=1).stdout
        finally:
            os.rename(os.path.join(self.folder, DATA, b"away"),
                      os.path.join(self.folder, DATA, IMAGES))
        report = json_of(done.stdout)
        self.assertEqual(unescaped(report["table"]), DATA + b"/t\xe4ble.csv")
        missing = report["missing"]
        self.assertLessEqual(set(IDS), {unescaped(m["id"]) for m in missing})
        self.assertTrue(any(b"d\xe4ta/" in unescaped(m["what"])
                            for m in missing))
        self.assertTrue(is_safe(done.stdout) and is_safe(text))
        self.assertIn(b"back\\x41slash", unescaped(text.decode()))

    def test_a_run_tells_its_data_and_its_options(self):
        run = json_of(read(RUN, b"run.json"))
        self.assertEqual(unescaped(run["data"]), self.data[1])
        text = read(RUN, b"config.yaml").decode("utf-8")
        for name, value in (("data", self.data[1]), ("images", self.data[3]),
                            ("run", RUN), ("cache", CACHE), ("init", MODEL)):
            quoted, = re.findall(rf'^{name}: (".*")$', text, re.M)
            self.assertEqual(unescaped(json.loads(quoted)), value)

    def test_a_model_tells_what_it_was_made_from(self):
        made = metadata(RUN + b"/best.safetensors")["provenance"]
        self.assertEqual(unescaped(made["training"]["init"]), MODEL)
        shown = json_of(dmsnet("info", RUN + b"/best.safetensors", "--json"
                               ).stdout)
        self.assertEqual(shown["provenance"], made)
        self.assertTrue(is_safe(dmsnet("info", RUN + b"/best.safetensors"
                                       ).stdout))

    def test_an_imported_model_names_its_file(self):
        dmsnet("export", "--model", MODEL, "--backbone",
               b"w\xe9ights\x07")
        done = dmsnet("import", b"w\xe9ights\x07", "--out", b"\xeemported",
                      "--json")
        json_of(done.stdout)
        made = metadata(b"\xeemported")["provenance"]
        self.assertEqual(unescaped(made["import"]["file"]), b"w\xe9ights\x07")

    def test_a_resumed_run_finds_its_own_names(self):
        part = b"p\xe4rt"
        dmsnet("train", *self.data, "--run", part, "--cache", CACHE, *TRAIN,
               "--schedule", "constant", "--epochs", "1")
        dmsnet("train", "--resume", "--run", part, "--epochs", "2")
        lines = read(part, b"metrics.jsonl").splitlines()
        self.assertEqual([json_of(line)["epoch"] for line in lines], [1, 2])
        again = read(part, b"config.yaml").decode("utf-8")
        self.assertIn('cache: "cach\\\\xE9"', again)
        self.assertEqual(os.listdir(os.path.join(self.folder, part)).count(
            b"run.json"), 1)

    def test_predictions_of_an_evaluation_are_scored_by_the_table(self):
        data = read(OUT, b"predictions.csv")
        rows = list(csv.reader(io.StringIO(data.decode("utf-8"))))
        self.assertTrue(is_safe(data))
        self.assertLessEqual(set(IDS), {unescaped(row[0]) for row in rows[1:]})
        done = dmsnet("score", "--labels", self.data[1], "--predictions",
                      OUT + b"/predictions.csv", "--resamples", "10", "--json")
        json_of(done.stdout)

    def test_predictions_with_raw_bytes_are_scored_too(self):
        data = unescaped(read(OUT, b"predictions.csv").decode())
        with open(os.path.join(self.folder, b"raw.csv"), "wb") as file:
            file.write(data.replace(b"back\\x41", b"back\\x5Cx41"))
        dmsnet("score", "--labels", self.data[1], "--predictions", b"raw.csv",
               "--resamples", "10")

    def test_a_log_is_text_of_one_line_a_message(self):
        words = ["predict", "--model", MODEL, "--log", b"l\xf6g", "--left",
                 b"no\xe9\nsuch.jpg"]
        dmsnet(*words, status=1)
        log = read(b"l\xf6g")
        self.assertTrue(is_safe(log))
        line, = log.splitlines()
        self.assertIn(b"no\xe9\nsuch.jpg", unescaped(line.decode()))

    def test_unknown_words_are_safe_on_a_terminal(self):
        for words in ([b"v\xe9rb\x1b[2J"], ["predict", b"--\xe9\x1b[2J"],
                      ["predict", "--batch", b"\xe9\x1b[2J"]):
            done = dmsnet(*words, status=2)
            self.assertTrue(is_safe(done.stderr), done.stderr)
            self.assertIn(b"\xe9" if words[0] == "predict" else b"v\xe9rb\x1b[2J",
                          unescaped(done.stderr.decode()))


if __name__ == "__main__":
    unittest.main()
