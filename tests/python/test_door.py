"""The Python door: the command line's numbers and words from any form of
photograph, from any thread, and nothing left behind."""

import json
import os
import pathlib
import pickle
import shutil
import subprocess
import sys
import tempfile
import unittest
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import door  # noqa: E402
from door import content, pixels, read_safetensors  # noqa: E402

import dmsnet  # noqa: E402
import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402


def setUpModule():
    global fixture, MODEL, PAIRS, model
    fixture = door.Fixture()
    MODEL, PAIRS, model = fixture.path, fixture.pairs, fixture.model


def tearDownModule():
    fixture.close()


def close_to(got, want, within=1e-5):
    np.testing.assert_allclose(got, want, rtol=0, atol=within)


class Numbers(unittest.TestCase):

    def cli_json(self, *arguments):
        answer = door.cli("predict", "--model", MODEL, "--format", "json",
                          *arguments)
        self.assertTrue(answer.stdout, answer.stderr)
        return json.loads(answer.stdout)

    def assert_same(self, got, want):
        """Equal members, numbers within what another batch size rounds."""
        if isinstance(want, dict):
            self.assertEqual(list(got), list(want))
            for key in want:
                self.assert_same(got[key], want[key])
        elif isinstance(want, float):
            self.assertAlmostEqual(got, want, delta=1e-6 * max(1, abs(want)))
        else:
            self.assertEqual(got, want)

    def test_one_pair_is_bit_for_bit_what_the_command_line_says(self):
        left, right = PAIRS[0]
        want = self.cli_json("--left", left, "--right", right)[0]
        self.assertEqual(model.predict(left, right).to_dict(), want)

    def test_a_missing_eye_is_what_the_command_line_says(self):
        want = self.cli_json("--right", PAIRS[1][1])[0]
        got = model.predict(None, PAIRS[1][1])
        self.assertEqual(got.to_dict(), want)
        self.assertIsNone(got.left)

    def test_a_batch_is_what_the_command_line_says_of_the_folder(self):
        want = self.cli_json(fixture.folder)
        got = model.predict_batch(PAIRS, batch=3)
        self.assertEqual(len(got), len(want))
        for mine, its in zip(got, want):
            self.assert_same(mine.to_dict(), its)

    def test_paths_bytes_and_arrays_agree(self):
        left, right = PAIRS[2]
        want = model.predict(left, right, features=True)
        for form in (pathlib.Path, content, pixels,
                     lambda p: bytearray(content(p)),
                     lambda p: memoryview(content(p)),
                     lambda p: Image.fromarray(pixels(p)),
                     lambda p: np.asfortranarray(pixels(p))):
            got = model.predict(form(left), form(right), features=True)
            np.testing.assert_array_equal(got.probabilities,
                                          want.probabilities)
            np.testing.assert_array_equal(got.logits, want.logits)
            np.testing.assert_array_equal(got.features, want.features)
            self.assertEqual(got.left.field, want.left.field)
        mixed = model.predict(pixels(left), right)
        np.testing.assert_array_equal(mixed.probabilities, want.probabilities)
        self.assertIsNone(mixed.left.path)
        self.assertEqual(mixed.right.path, right)

    def test_a_view_that_is_flipped_is_read_as_it_looks(self):
        picture = pixels(PAIRS[0][0])
        flipped = picture[:, ::-1]
        np.testing.assert_array_equal(
            model.predict(flipped, None).logits,
            model.predict(flipped.copy(), None).logits)
        self.assertFalse(np.array_equal(model.predict(flipped).logits,
                                        model.predict(picture).logits))

    def test_arrays_have_the_shapes_and_types_that_are_promised(self):
        p = model.predict(*PAIRS[0], features=True)
        self.assertEqual(p.probabilities.shape, (8,))
        self.assertEqual(p.probabilities.dtype, np.float64)
        self.assertEqual(p.logits.dtype, np.float32)
        self.assertEqual(p.features.shape, (2, model.feature_width))
        self.assertEqual(p.features.dtype, np.float32)
        np.testing.assert_array_equal(p.right.features, p.features[1])
        self.assertIsNone(model.predict(*PAIRS[0]).features)
        self.assertEqual(p["G"], p.probabilities[2])
        with self.assertRaises(KeyError):
            p["X"]

    def test_probabilities_and_findings_follow_from_logits(self):
        p = model.predict(*PAIRS[3])
        close_to(p.probabilities, 1 / (1 + np.exp(-p.logits.astype(
            float))), 1e-6)
        self.assertEqual(p.findings, tuple(
            k for k in dmsnet.LABELS if p[k] > model.thresholds[k]))

    def test_features_times_the_eye_head_are_the_eye_logits(self):
        path = fixture.at("weights.safetensors")
        model.export_safetensors(path)
        tensors = read_safetensors(path)
        with dmsnet.load(MODEL, precision="auto") as other:
            for p in (model.predict(*PAIRS[0], features=True),
                      other.predict(*PAIRS[0], features=True)):
                for eye, row in zip((p.left, p.right), p.features):
                    close_to(row @ tensors["eye_head.weight"].T +
                             tensors["eye_head.bias"], eye.logits)

    def test_exchanging_the_eyes_exchanges_the_features(self):
        left, right = PAIRS[0]
        one = model.predict(left, right, features=True)
        two = model.predict(right, left, features=True)
        close_to(two.features, one.features[::-1])
        close_to(two.logits, one.logits)

    def test_mirror_images_change_the_answer_but_not_the_features(self):
        left, right = PAIRS[0]
        plain = model.predict(left, right, features=True)
        with dmsnet.load(MODEL, tta="flips") as other:
            one = other.predict(left, right, features=True)
            two = other.predict(right, left)
        self.assertGreater(abs(one.logits - plain.logits).max(), 1e-4)
        close_to(one.features, plain.features)
        np.testing.assert_array_equal(one.logits, two.logits)
        np.testing.assert_array_equal(one.left.logits, two.right.logits)
        with self.assertRaisesRegex(dmsnet.InvalidError, "tta"):
            dmsnet.load(MODEL, tta="flip")

    def test_threads_and_winograd_change_no_more_than_rounding(self):
        want = model.predict(*PAIRS[0]).logits
        for options in ({"threads": 1}, {"winograd": True},
                        {"precision": "fp32"}):
            with dmsnet.load(MODEL, **options) as other:
                close_to(other.predict(*PAIRS[0]).logits, want, 1e-3)
        with dmsnet.load(MODEL, precision="auto") as other:  # bf16 where it is
            close_to(other.predict(*PAIRS[0]).logits, want, 0.2)


class Batches(unittest.TestCase):

    def test_workers_side_by_side_give_the_same_bits_in_order(self):
        pairs = [PAIRS[i % len(PAIRS)] for i in range(5)]
        want = model.predict_batch(pairs, batch=1)
        with dmsnet.load(MODEL, workers=2, threads=2) as other:
            got = other.predict_batch(pairs, batch=4)
        for g, w in zip(got, want):
            np.testing.assert_array_equal(g.logits, w.logits)

    def test_a_bad_pair_has_its_error_and_the_others_come_out(self):
        pairs = [PAIRS[0], ("not/there.jpg", PAIRS[1][1]),
                 (b"no picture", None), (None, None),
                 (np.zeros((4, 4)), PAIRS[1][1]), PAIRS[1]]
        got = model.predict_batch(pairs, features=True, batch=2)
        kinds = [type(p.error) for p in got]
        self.assertEqual(kinds, [type(None), dmsnet.FileError,
                                 dmsnet.FormatError, dmsnet.InvalidError,
                                 dmsnet.InvalidError, type(None)])
        self.assertIn("left photograph: an array of float64 and shape (4, 4)",
                      str(got[4].error))
        for p in got[1:5]:
            self.assertFalse(p.probabilities.any() or p.features.any())
            self.assertEqual(p.findings, ())
        close_to(got[5].logits, model.predict(*PAIRS[1]).logits)

    def test_errors_are_raised_when_asked_for(self):
        with self.assertRaises(dmsnet.FileError):
            model.predict_batch([PAIRS[0], ("gone.jpg", None)],
                                raise_errors=True)

    def test_ids_are_the_answers_and_the_messages(self):
        got = model.predict_batch([PAIRS[0], (None, None)], ids=["a", "bé"])
        self.assertEqual([p.id for p in got], ["a", "bé"])
        self.assertIn("patient bé: ", str(got[1].error))
        with self.assertRaisesRegex(ValueError, "1 ids for 2 pairs"):
            model.predict_batch(PAIRS[:2], ids=["a"])

    def test_names_that_are_no_utf8_are_what_the_command_line_says(self):
        with tempfile.TemporaryDirectory() as holder:
            folder = os.path.join(os.fsencode(holder), b"caf\xe9 \\x41")
            os.mkdir(folder)
            left = os.fsdecode(os.path.join(folder, b"l\xe9ft.png"))
            there = os.fsdecode(os.path.join(folder, b"mod\xe8l"))
            shutil.copy(PAIRS[0][0], left)
            shutil.copy(MODEL, there)
            name = os.fsdecode(b"M\xfcller\n")
            want = subprocess.run(
                [door.DMSNET, "predict", "--model", there, "--left", left,
                 "--id", name, "--json"], capture_output=True, check=True)
            other = dmsnet.load(there)
            got, = other.predict_batch([(left, None)], ids=[name])
        self.assertEqual([got.id, got.left.path], [name, left])
        answer = got.to_dict()
        self.assertEqual([answer], json.loads(want.stdout))
        self.assertEqual(answer["id"], "M\\xFCller\n")
        self.assertTrue(answer["left"]["path"].endswith(
            "/caf\\xE9 \\x5Cx41/l\\xE9ft.png"))

    def test_messages_tell_names_that_are_no_utf8(self):
        gone = os.fsdecode(b"g\xf6ne\\x41.jpg")
        answer, = model.predict_batch([(gone, None)])
        self.assertIn("g\\xF6ne\\x5Cx41.jpg", str(answer.error))
        self.assertEqual(answer.to_dict()["error"], str(answer.error))
        with self.assertRaisesRegex(dmsnet.FileError, r"g\\xF6ne\\x5Cx41"):
            dmsnet.load(gone)
        answer, = model.predict_batch([(None, None)], ids=[gone])
        self.assertIn("patient g\\xF6ne\\x5Cx41.jpg: ", str(answer.error))

    def test_progress_is_told_and_may_stop_the_work(self):
        told = []
        model.predict_batch(PAIRS, batch=3,
                            progress=lambda *at: told.append(at))
        self.assertEqual(told, [(3, 4), (4, 4)])

        def stop(done, total):
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            model.predict_batch(PAIRS, batch=1, progress=stop)

    def test_no_pairs_give_no_answers(self):
        self.assertEqual(model.predict_batch([]), [])

    def test_what_is_no_pair_or_no_batch_is_refused(self):
        with self.assertRaisesRegex(ValueError, "pair 1 is not a tuple"):
            model.predict_batch([PAIRS[0], "left.jpg"])
        for batch in (0, 257):
            with self.assertRaisesRegex(ValueError, "expected 1 to 256"):
                model.predict_batch(PAIRS, batch=batch)


class Errors(unittest.TestCase):

    def assert_cli_says(self, error, *arguments):
        said = door.cli(*arguments)
        self.assertNotEqual(said.returncode, 0)
        self.assertIn(str(error), said.stderr)

    def error_of(self, function, *arguments, **options):
        with self.assertRaises(dmsnet.Error) as caught:
            function(*arguments, **options)
        return caught.exception

    def test_a_photograph_that_is_not_there(self):
        error = self.error_of(model.predict, "gone.jpg", PAIRS[0][1])
        self.assertIsInstance(error, OSError)
        self.assertEqual(error.status, "DMS_EIO")
        self.assert_cli_says(error, "predict", "--model", MODEL, "--left",
                             "gone.jpg", "--right", PAIRS[0][1])

    def test_a_photograph_that_is_none(self):
        path = fixture.at("text.jpg")
        pathlib.Path(path).write_text("this is no picture")
        error = self.error_of(model.predict, path)
        self.assertIsInstance(error, dmsnet.FormatError)
        self.assertIsInstance(error, ValueError)
        self.assertEqual(error.status, "DMS_EFORMAT")
        self.assert_cli_says(error, "predict", "--model", MODEL, "--left",
                             path)

    def test_a_truncated_photograph_in_memory_and_on_disk(self):
        data = content(PAIRS[0][1])[:600]
        path = fixture.at("cut.jpg")
        pathlib.Path(path).write_bytes(data)
        error = self.error_of(model.predict, path)
        self.assert_cli_says(error, "predict", "--model", MODEL, "--left",
                             path)
        memory = self.error_of(model.predict, data)
        self.assertEqual(str(memory),
                         str(error).replace(path, "left photograph"))
        self.assertIs(type(memory), type(error))

    def test_no_photograph_at_all(self):
        error = self.error_of(model.predict)
        self.assertIsInstance(error, dmsnet.InvalidError)
        self.assertEqual(str(error), "patient pair: no photograph that the "
                         "model uses")

    def test_a_model_that_is_none_or_not_there(self):
        for path in (PAIRS[0][0], fixture.at("gone.safetensors")):
            error = self.error_of(dmsnet.load, path)
            self.assert_cli_says(error, "info", path)
        self.assertIsInstance(error, dmsnet.FileError)

    def test_an_output_that_cannot_be_written(self):
        path = fixture.at("no/such/folder/m.onnx")
        for error in (self.error_of(model.export_onnx, path),
                      self.error_of(model.save, path),
                      self.error_of(model.export_safetensors, path)):
            self.assertIsInstance(error, dmsnet.FileError)
            self.assertIn("No such file", str(error))

    def test_words_and_numbers_out_of_range_are_named(self):
        for want, options in (
                ("precision 'fp8' is not one of fp32, bf16, int8, auto",
                 {"precision": "fp8"}),
                ("-1 threads, expected 0 to 1024", {"threads": -1})):
            self.assertEqual(str(self.error_of(dmsnet.load, MODEL, **options)),
                             want)
        self.assertIn("backbone 'vgg' is not one of resnet18, ",
                      str(self.error_of(dmsnet.create, backbone="vgg")))
        self.assertIn("width 40 is not a multiple of 16",
                      str(self.error_of(dmsnet.create, width=40)))
        self.assertIn("dtype 'f8' is not one of f32, f16, bf16", str(
            self.error_of(model.export_safetensors, "x", dtype="f8")))
        with self.assertRaises(TypeError):
            dmsnet.create(depth=3)

    def test_arrays_of_another_form_are_named(self):
        for array in (np.zeros((5, 5), np.uint8), np.zeros((0, 5, 3),
                                                           np.uint8),
                      np.zeros((5, 5, 4), np.uint8), np.zeros((5, 5, 3)),
                      object(), 7, [[1, 2]]):
            error = self.error_of(model.predict, array)
            self.assertIsInstance(error, ValueError)
            self.assertTrue(str(error).startswith("left photograph: an array"),
                            error)

    def test_nul_bytes_do_not_shorten_a_path(self):
        for call in (dmsnet.load, model.predict, model.save):
            self.assertIn("NUL", str(self.error_of(call, MODEL + "\0.jpg")))

    def test_an_error_survives_pickling(self):
        error = self.error_of(model.predict, "gone.jpg")
        again = pickle.loads(pickle.dumps(error))
        self.assertIs(type(again), dmsnet.FileError)
        self.assertEqual((str(again), again.status), (str(error), "DMS_EIO"))

    def test_a_library_that_is_not_there_is_named(self):
        said = subprocess.run(
            [sys.executable, "-c", "import dmsnet; dmsnet.library_path()"],
            env={**os.environ, "DMSNET_LIBRARY": "/gone/libdmsnet.so",
                 "PYTHONPATH": str(door.ROOT / "python")},
            capture_output=True, text=True)
        self.assertIn("LibraryError: libdmsnet was not found: "
                      "/gone/libdmsnet.so", said.stderr)
        self.assertIn("DMSNET_LIBRARY", said.stderr)

    def test_another_library_of_that_name_is_refused(self):
        said = subprocess.run(
            [sys.executable, "-c", "import dmsnet; dmsnet.library_path()"],
            env={**os.environ, "DMSNET_LIBRARY": "libm.so.6",
                 "PYTHONPATH": str(door.ROOT / "python")},
            capture_output=True, text=True)
        self.assertIn("LibraryError: libm.so.6 is not libdmsnet 0.2", said.stderr)


if __name__ == "__main__":
    warnings.simplefilter("error")
    unittest.main()
