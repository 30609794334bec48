"""Every figure of a report equals scikit-learn's within 1e-12, on random cases
with ties, probabilities exactly at the threshold and one-class columns."""

import json
import os
import struct
import subprocess
import tempfile
import unittest
import warnings

import numpy as np
from sklearn import metrics as sk

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("DMS_BUILD", os.path.join(REPO, "build"))
LETTERS = "NDGCAHMO"
CASES = 1000
TOLERANCE = 1e-12
UNKNOWN = 255


class Case:
    """known: which cells are; None: all."""

    def __init__(self, y, p, thresholds=None, task=0, resamples=0, threads=1,
                 known=None):
        self.y = np.ascontiguousarray(y, np.uint8)
        self.p = np.ascontiguousarray(p, np.float64)
        self.k = self.y.shape[1]
        self.known = (np.ones(self.y.shape, bool) if known is None else known)
        self.thresholds = (np.full(self.k, 0.5) if thresholds is None
                           else thresholds)
        self.task, self.resamples, self.threads = task, resamples, threads
        if task == 0:
            self.d = (self.p > self.thresholds).astype(np.uint8)
        else:
            self.d = np.eye(self.k, dtype=np.uint8)[self.p.argmax(1)]

    def bytes(self):
        return (struct.pack("5i", len(self.y), self.task, self.resamples,
                            self.threads, self.k)
                + self.thresholds.astype(np.float64).tobytes()
                + np.where(self.known, self.y, UNKNOWN).astype(
                    np.uint8).tobytes()
                + self.p.tobytes())


def run(cases, *arguments):
    """One JSON value a case, all from one process."""
    with tempfile.NamedTemporaryFile() as file:
        for case in cases:
            file.write(case.bytes())
        file.flush()
        out = subprocess.run(
            [os.path.join(BUILD, "tests-tools", "metrics_cases"), file.name,
             *arguments], stdout=subprocess.PIPE, check=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def random_case(rng):
    """Coarse probabilities give ties and hits on the threshold; rare labels
    give columns of one class."""
    n = int(rng.choice([1, 2, 3, 10, 40, 150]))
    share = rng.choice([0, 0.02, 0.3, 0.6, 1], 8, p=[.1, .2, .4, .2, .1])
    steps = int(rng.choice([1, 2, 4, 10, 1000]))
    task = int(rng.random() < 0.25)
    y = rng.random((n, 8)) < share
    p = rng.integers(0, steps + 1, (n, 8)) / steps
    if rng.random() < 0.3:
        p = 0.5 * p + 0.5 * rng.random((n, 8))
    thresholds = np.full(8, 0.5)
    if rng.random() < 0.5:
        thresholds = rng.integers(0, steps + 1, 8) / steps
    if task:
        y = np.eye(8)[rng.integers(0, rng.integers(1, 9), n)]
        p += 1e-3
        p /= p.sum(1, keepdims=True)
    return Case(y, p, thresholds, task)


def auc(y, p):
    return sk.roc_auc_score(y, p) if 0 < y.sum() < y.size else np.nan


def specificity(y, d, average="binary"):
    return sk.recall_score(1 - y, 1 - d, average=average, zero_division=0)


def expected_labels(y, d, p):
    """Eight dicts, one a label."""
    precision, recall, f1, _ = sk.precision_recall_fscore_support(
        y, d, average=None, zero_division=0)
    negatives = specificity(y, d, None)
    ap = sk.average_precision_score(y, p, average=None)
    return [{
        "precision": precision[k], "recall": recall[k], "f1": f1[k],
        "specificity": negatives[k], "ap": ap[k],
        "auc": auc(y[:, k], p[:, k]),
        "kappa": sk.cohen_kappa_score(y[:, k], d[:, k]),
    } for k in range(8)]


def challenge_score(y, p, d):
    """The organisers' evaluation script, in their own words."""
    gt, pr = y.flatten(), p.flatten()
    kappa = sk.cohen_kappa_score(gt, d.flatten())
    f1 = sk.f1_score(gt, d.flatten(), average="micro")
    area = auc(gt, pr)
    return {"odir_kappa": kappa, "odir_f1": f1, "odir_auc": area,
            "odir_final": (kappa + f1 + area) / 3}


def expected_errors(y, p):
    """Brier score and calibration error, of flat arrays."""
    bins = np.minimum((p * 15).astype(int), 14)
    apart = [abs(p[bins == b].mean() - y[bins == b].mean()) *
             (bins == b).mean() for b in np.unique(bins)]
    return {"brier": np.mean((p - y) ** 2), "ece": np.sum(apart)}


def expected_metrics(case, labels):
    y, d, p = case.y, case.d, case.p
    with_auc = [v["auc"] for v in labels if not np.isnan(v["auc"])]

    def macro(name):
        values = [v[name] for v in labels if not np.isnan(v[name])]
        return np.mean(values) if values else np.nan

    out = challenge_score(y, p, d)
    out.update(expected_errors(y.flatten(), p.flatten()))
    out.update({
        "accuracy": sk.accuracy_score(y, d),
        "recall": sk.recall_score(y, d, average="micro", zero_division=0),
        "precision": sk.precision_score(y, d, average="micro",
                                        zero_division=0),
        "f1": sk.f1_score(y, d, average="micro", zero_division=0),
        "kappa": out["odir_kappa"],
        "macro_auc_labels": len(with_auc),
        "macro_auc": macro("auc"), "macro_kappa": macro("kappa"),
        "macro_specificity": macro("specificity"), "macro_ap": macro("ap"),
    })
    out["macro_precision"], out["macro_recall"], out["macro_f1"], _ = \
        sk.precision_recall_fscore_support(y, d, average="macro",
                                           zero_division=0)
    if case.task:
        true, told = y.argmax(1), d.argmax(1)
        out["top1_accuracy"] = sk.accuracy_score(true, told)
        for name, weights in (("class_kappa", None),
                              ("class_kappa_quadratic", "quadratic")):
            out[name] = sk.cohen_kappa_score(true, told, labels=range(8),
                                             weights=weights)
    return out


class Metrics(unittest.TestCase):
    def setUp(self):
        # scikit-learn warns of every one-class column.
        ignoring = warnings.catch_warnings()
        ignoring.__enter__()
        self.addCleanup(ignoring.__exit__, None, None, None)
        warnings.simplefilter("ignore")

    def compare(self, got, want, where):
        self.assertEqual(sorted(got), sorted(want), where)
        for name, value in want.items():
            figure = got[name]["value"]
            if np.isnan(value):
                self.assertIsNone(figure, (where, name))
            else:
                self.assertIsNotNone(figure, (where, name, value))
                self.assertLessEqual(abs(figure - value), TOLERANCE,
                                     (where, name, figure, value))

    def check(self, case, report, where):
        labels = expected_labels(case.y, case.d, case.p)
        for k, letter in enumerate(LETTERS):
            got = dict(report["labels"][letter])
            self.assertEqual(got.pop("support"), case.y[:, k].sum())
            self.assertEqual(got.pop("known"), len(case.y))
            self.assertEqual(got.pop("threshold"),
                             None if case.task else case.thresholds[k])
            self.assertEqual(got.pop("prior"), case.y[:, k].mean())
            self.compare(got, labels[k], (where, letter))
        self.compare(report["metrics"], expected_metrics(case, labels), where)
        if case.task:
            self.assertEqual(report["confusion"], sk.confusion_matrix(
                case.y.argmax(1), case.d.argmax(1),
                labels=range(8)).tolist())

    def test_figures_equal_scikit_learn(self):
        rng = np.random.default_rng(8)
        cases = [random_case(rng) for _ in range(CASES)]
        seen = {"tie": 0, "at threshold": 0, "one class": 0, "single": 0}
        for i, (case, report) in enumerate(zip(cases, run(cases))):
            self.check(case, report, i)
            seen["tie"] += len(np.unique(case.p)) < case.p.size
            seen["at threshold"] += (case.p == case.thresholds).any()
            seen["one class"] += (np.ptp(case.y, 0) == 0).any()
            seen["single"] += case.task
        self.assertGreater(min(seen.values()), 100, seen)

    def check_known(self, case, report, where):
        """Any-of labels: each figure is that of the known cells."""
        want, rows = [], case.known.any(1)
        for k in range(case.k):
            i = case.known[:, k]
            y, d, p = case.y[i, k], case.d[i, k], case.p[i, k]
            got = dict(report["labels"][str(k + 1)])
            self.assertEqual(got.pop("known"), i.sum())
            self.assertEqual(got.pop("support"), y.sum())
            got.pop("threshold")
            self.assertEqual(got.pop("prior"), y.mean() if y.size else 0)
            if not y.size:
                want.append(None)
                continue
            precision, recall, f1, _ = sk.precision_recall_fscore_support(
                y, d, average="binary", zero_division=0)
            want.append({
                "precision": precision, "recall": recall, "f1": f1,
                "specificity": specificity(y, d),
                "ap": sk.average_precision_score(y, p) if y.any() else 0,
                "auc": auc(y, p), "kappa": sk.cohen_kappa_score(y, d)})
            self.compare(got, want[-1], (where, k))
        y, d, p = (a[case.known] for a in (case.y, case.d, case.p))
        metrics = {name: report["metrics"][name] for name in (
            "kappa", "cell_accuracy", "micro_auc", "accuracy", "recall",
            "precision", "f1", "macro_auc_labels", "brier", "ece")}
        right = ((case.y == case.d) | ~case.known).all(1)
        self.compare(metrics, {
            **expected_errors(y, p),
            "kappa": sk.cohen_kappa_score(y, d),
            "cell_accuracy": sk.accuracy_score(y, d), "micro_auc": auc(y, p),
            "accuracy": right[rows].mean(),
            "recall": sk.recall_score(y, d, zero_division=0),
            "precision": sk.precision_score(y, d, zero_division=0),
            "f1": sk.f1_score(y, d, zero_division=0),
            "macro_auc_labels": sum(
                w is not None and not np.isnan(w["auc"]) for w in want),
        }, where)
        self.assertEqual(report["patients"], rows.sum())
        self.assertFalse([m for m in report["metrics"] if "odir" in m])

    def test_unknown_labels_are_left_out_of_every_figure(self):
        rng = np.random.default_rng(14)
        cases = []
        for _ in range(200):
            n, k = int(rng.integers(2, 60)), int(rng.choice([1, 3, 20]))
            known = rng.random((n, k)) < rng.choice([0.3, 0.7, 1])
            known[0, 0] = True
            cases.append(Case(rng.random((n, k)) < 0.4,
                              rng.integers(0, 6, (n, k)) / 5, known=known))
        for i, (case, report) in enumerate(zip(cases, run(cases))):
            self.check_known(case, report, i)

    def test_ordered_classes_of_any_number_equal_scikit_learn(self):
        rng = np.random.default_rng(15)
        cases = []
        for _ in range(100):
            n, k = int(rng.integers(2, 80)), int(rng.choice([2, 5, 20]))
            p = rng.random((n, k))
            known = np.repeat(rng.random((n, 1)) < 0.8, k, 1)
            known[0] = True
            cases.append(Case(np.eye(k)[rng.integers(0, k, n)],
                              p / p.sum(1, keepdims=True), task=1,
                              known=known))
        for i, (case, report) in enumerate(zip(cases, run(cases))):
            rows = case.known[:, 0]
            true, told = case.y[rows].argmax(1), case.d[rows].argmax(1)
            got = {name: report["metrics"][name] for name in (
                "accuracy", "top1_accuracy", "class_kappa",
                "class_kappa_quadratic")}
            want = {"accuracy": sk.accuracy_score(true, told),
                    "top1_accuracy": sk.accuracy_score(true, told)}
            for name, weights in (("class_kappa", None),
                                  ("class_kappa_quadratic", "quadratic")):
                want[name] = sk.cohen_kappa_score(
                    true, told, labels=range(case.k), weights=weights)
            self.compare(got, want, i)
            self.assertEqual(report["confusion"], sk.confusion_matrix(
                true, told, labels=range(case.k)).tolist())
            self.assertEqual(report["patients"], rows.sum())

    def test_floors_are_the_constant_predictors(self):
        rng = np.random.default_rng(9)
        cases = [random_case(rng) for _ in range(40)]
        for i, (case, report) in enumerate(zip(cases, run(cases))):
            y = case.y
            priors = np.broadcast_to(y.mean(0), y.shape)
            for name, p in (("all_zero", np.zeros(y.shape)),
                            ("class_priors", priors)):
                floor = Case(y, p, None, case.task)
                if name == "all_zero":
                    floor.d = np.zeros_like(y)
                want = expected_metrics(floor,
                                        expected_labels(y, floor.d, p))
                if case.task and name == "all_zero":
                    want.update(top1_accuracy=0, class_kappa=np.nan,
                                class_kappa_quadratic=np.nan)
                self.compare(report["floors"][name], want, (i, name))

    def test_intervals_are_those_of_a_bootstrap_of_patients(self):
        rng = np.random.default_rng(10)
        y = rng.random((200, 8)) < 0.3
        p = np.clip(0.3 * y + 0.6 * rng.random((200, 8)), 0, 1)
        case = Case(y, p, resamples=2000)
        report = run([case])[0]
        draws = []
        for _ in range(2000):
            i = rng.integers(0, 200, 200)
            draws.append(np.mean((p[i] > 0.5) == y[i]))
        figure = report["metrics"]["odir_f1"]
        low, high = np.percentile(draws, [2.5, 97.5])
        self.assertLess(abs(figure["low"] - low), 0.1 * (high - low))
        self.assertLess(abs(figure["high"] - high), 0.1 * (high - low))

    def test_intervals_do_not_depend_on_threads(self):
        rng = np.random.default_rng(11)
        y = rng.random((300, 8)) < 0.2
        p = rng.integers(0, 50, (300, 8)) / 50
        one, two, seven = run([Case(y, p, resamples=200, threads=t)
                               for t in (1, 2, 7)])
        self.assertEqual(one, two)
        self.assertEqual(one, seven)

    def test_tuned_thresholds_are_the_best_of_all(self):
        rng = np.random.default_rng(12)
        scores = {
            "f1": lambda y, d: sk.f1_score(y, d, zero_division=0),
            "kappa": sk.cohen_kappa_score,
            "youden": lambda y, d: sk.recall_score(y, d, zero_division=0)
                                   + specificity(y, d) - 1,
        }
        cases = []
        while len(cases) < 25:
            case = random_case(rng)
            if len(case.y) >= 10:
                cases.append(case)
        for name, score in scores.items():
            for case, tuned in zip(cases, run(cases, name)):
                for k in range(8):
                    y, p = case.y[:, k], case.p[:, k]
                    if np.ptp(y) == 0:
                        self.assertEqual(tuned[k], 0.5)
                        continue
                    cuts = np.unique(np.r_[0, p, p[p > 0].min(initial=1) / 2])
                    best = max(score(y, p > t) for t in cuts[cuts < p.max()])\
                        if p.max() > 0 else score(y, p > 0)
                    self.assertAlmostEqual(score(y, p > tuned[k]), best,
                                           delta=1e-12)


if __name__ == "__main__":
    unittest.main()
