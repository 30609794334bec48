"""Models of the Python door: their lives, threads, files and exports."""

import gc
import json
import os
import pathlib
import pickle
import sys
import threading
import unittest
import warnings
import weakref

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import door  # noqa: E402
from door import content  # noqa: E402

import dmsnet  # noqa: E402
import numpy as np  # noqa: E402


def setUpModule():
    global fixture, MODEL, PAIRS, model
    fixture = door.Fixture()
    MODEL, PAIRS, model = fixture.path, fixture.pairs, fixture.model


def tearDownModule():
    fixture.close()


def close_to(got, want, within=1e-5):
    np.testing.assert_allclose(got, want, rtol=0, atol=within)


class Lives(unittest.TestCase):

    def test_a_closed_model_says_so(self):
        with dmsnet.load(MODEL) as other:
            other.predict(*PAIRS[0])
        self.assertTrue(other.closed)
        other.close()
        for call in (other.predict, lambda: other.predict_batch([]),
                     lambda: other.info, lambda: other.save("x")):
            with self.assertRaisesRegex(dmsnet.InvalidError,
                                        "the model is closed"):
                call()
        self.assertIn("closed", repr(other))

    def test_a_model_that_nobody_holds_is_destroyed(self):
        other = dmsnet.load(MODEL)
        other.predict(*PAIRS[0])
        sessions, seen = other._sessions, weakref.ref(other)
        del other
        gc.collect()
        self.assertIsNone(seen())
        self.assertTrue(sessions.closed)
        self.assertEqual(sessions._idle, [])

    def test_answers_outlive_their_model(self):
        with dmsnet.load(MODEL) as other:
            p = other.predict(*PAIRS[0], features=True)
            want = p.features.copy()
        del other
        gc.collect()
        np.testing.assert_array_equal(p.features, want)

    def test_loading_and_closing_again_and_again_keeps_no_memory(self):
        def resident():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

        def rounds(count):
            for _ in range(count):
                with dmsnet.load(MODEL) as other:
                    other.predict(*PAIRS[0], features=True)
            gc.collect()

        rounds(3)
        before = resident()
        rounds(8)  # a model is 45 MB
        self.assertLess(resident() - before, 50 << 20)

    def test_threads_share_a_model(self):
        want = [model.predict(*pair, features=True) for pair in PAIRS]
        failures = []

        def work(first):
            for i in range(8):
                at = (first + i) % len(PAIRS)
                got = model.predict(*PAIRS[at], features=True)
                if not np.array_equal(got.features, want[at].features):
                    failures.append((first, i))

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_idle_sessions_are_few(self):
        with dmsnet.load(MODEL) as other:
            for batch in range(1, 8):
                other.predict_batch(PAIRS * 2, batch=batch)
            self.assertLessEqual(len(other._sessions._idle), 3)

    def test_closing_does_not_disturb_who_is_at_work(self):
        other = dmsnet.load(MODEL)
        started, results = threading.Event(), []

        def progress(done, total):
            started.set()
            closed.wait(10)

        def work():
            results.append(other.predict_batch(PAIRS, batch=2,
                                               progress=progress))

        closed = threading.Event()
        thread = threading.Thread(target=work)
        thread.start()
        started.wait(10)
        other.close()
        closed.set()
        thread.join()
        self.assertEqual([p.error for p in results[0]], [None] * len(PAIRS))


class Labels(unittest.TestCase):

    def test_a_model_speaks_the_codes_of_its_own_labels(self):
        grades = ("none", "mild", "severe")
        with dmsnet.create(labels="grade=" + ",".join(grades),
                           backbone="resnet18", width=16, size=64) as other:
            self.assertEqual(other.labels, grades)
            self.assertEqual(list(other.thresholds), list(grades))
            self.assertEqual(other.info["label_set"]["kind"], "one-of")
            answer = other.predict(*PAIRS[0])
            self.assertEqual(answer.labels, grades)
            self.assertEqual(answer.probabilities.shape, (3,))
            self.assertEqual(len(answer.findings), 1)
            self.assertEqual(answer["mild"], answer.probabilities[1])
            self.assertEqual(list(answer.to_dict()["probabilities"]),
                             list(grades))
            with self.assertRaises(KeyError):
                answer["D"]

    def test_one_label_and_twenty_make_models(self):
        for count in (1, 20):
            codes = tuple(f"k{k}" for k in range(count))
            with dmsnet.create(labels=",".join(codes), backbone="resnet18",
                               width=16, size=64) as other:
                self.assertEqual(other.predict(*PAIRS[0]).labels, codes)

    def test_odirs_labels_are_the_default(self):
        self.assertEqual(dmsnet.LABELS, tuple("NDGCAHMO"))
        self.assertEqual(model.predict(*PAIRS[0]).labels, dmsnet.LABELS)

    def test_wrong_labels_are_named(self):
        with self.assertRaisesRegex(dmsnet.InvalidError, "duplicate code 'a'"):
            dmsnet.create(labels="a,a", backbone="resnet18")


class Weights(unittest.TestCase):

    def test_info_is_what_the_command_line_says(self):
        said = json.loads(door.cli("info", "--json", MODEL).stdout)
        self.assertEqual(model.info, said)
        self.assertEqual(model.size, 64)
        self.assertEqual(model.labels, tuple("NDGCAHMO"))
        self.assertEqual(model.label_names[1], "Diabetes")
        self.assertEqual(model.thresholds["D"], 0.5)
        self.assertIn("resnet18", repr(model))

    def test_info_is_a_copy(self):
        model.info["thresholds"][0] = 9
        self.assertEqual(model.thresholds["N"], 0.5)

    def test_save_is_the_same_model(self):
        path = fixture.at("saved.safetensors")
        model.save(pathlib.Path(path))
        with dmsnet.load(path) as other:
            self.assertEqual(other.info, model.info)
            np.testing.assert_array_equal(other.predict(*PAIRS[0]).logits,
                                          model.predict(*PAIRS[0]).logits)

    def test_create_is_what_init_makes(self):
        with dmsnet.create(backbone="resnet18", width=16, size=64) as other:
            np.testing.assert_array_equal(other.predict(*PAIRS[0]).logits,
                                          model.predict(*PAIRS[0]).logits)

    def test_exported_weights_come_back_the_same(self):
        path = fixture.at("export.safetensors")
        model.export_safetensors(path)
        got = dmsnet.import_weights(path, size=64)
        self.assertEqual(got.report.data["network"], "dmsnet")
        self.assertEqual(got.report.names("missing"), [])
        self.assertIn("eye_head.weight", got.report.names("taken"))
        self.assertIn("taken", str(got.report))
        with got.model as other:
            np.testing.assert_array_equal(other.predict(*PAIRS[0]).logits,
                                          model.predict(*PAIRS[0]).logits)

    def test_a_backbone_alone_is_taken(self):
        path = fixture.at("backbone.safetensors")
        model.export_safetensors(path, backbone_only=True)
        got = dmsnet.import_weights(path, width=32, size=96)
        self.assertEqual(got.report.data["network"], "backbone")
        self.assertEqual((got.model.feature_width, got.model.size), (64, 96))
        got.model.close()

    def test_missing_tensors_are_in_the_errors_report(self):
        path = fixture.at("less.safetensors")
        model.export_safetensors(path, backbone_only=True)
        data = content(path)
        size = int.from_bytes(data[:8], "little")
        header = data[8:8 + size].replace(b"layer4.1.bn2.weight",
                                          b"layer4.1.bn9.weight")
        pathlib.Path(path).write_bytes(data[:8] + header + data[8 + size:])
        with self.assertRaises(dmsnet.MismatchError) as caught:
            dmsnet.import_weights(path)
        error = caught.exception
        self.assertIn("layer4.1.bn2.weight", error.report.names("missing"))
        said = door.cli("import", path, "--out", fixture.at("x.safetensors"))
        self.assertIn(str(error), said.stderr)

    def test_a_dangerous_pickle_is_refused_by_name(self):

        class Evil:

            def __reduce__(self):
                return os.system, ("touch evil",)

        path = fixture.at("evil.pth")
        pathlib.Path(path).write_bytes(pickle.dumps(Evil(), protocol=2))
        with self.assertRaises(dmsnet.FormatError):
            dmsnet.import_weights(path)
        self.assertFalse(os.path.exists("evil"))

    def test_half_precision_on_request(self):
        path = fixture.at("half.safetensors")
        model.export_safetensors(path, dtype="f16")
        with dmsnet.load(path) as other:
            close_to(other.predict(*PAIRS[0]).logits,
                     model.predict(*PAIRS[0]).logits, 0.05)

    def test_a_model_without_its_description_is_warned_of(self):
        path = fixture.at("bare.safetensors")
        data = content(MODEL)
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8:8 + size])
        del header["__metadata__"]
        text = json.dumps(header, separators=(",", ":")).encode()
        text = text.ljust(size)
        self.assertEqual(len(text), size)
        pathlib.Path(path).write_bytes(data[:8] + text + data[8 + size:])
        with self.assertWarnsRegex(dmsnet.ModelWarning, path) as caught:
            other = dmsnet.load(path)
        self.assertEqual(caught.filename, __file__)
        other.close()

    def test_onnx_is_the_command_lines_file(self):
        mine, its = fixture.at("a.onnx"), fixture.at("b.onnx")
        for options, words in (({}, []),
                               ({"preprocessing": True,
                                 "probabilities": True},
                                ["--with-preprocessing", "--probabilities"]),
                               ({"keep_norms": True, "size": 96},
                                ["--keep-norms", "--size", "96"])):
            model.export_onnx(mine, **options)
            done = door.cli("export", "--model", MODEL, "--onnx", its, *words)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(content(mine), content(its))


if __name__ == "__main__":
    warnings.simplefilter("error")
    unittest.main()
