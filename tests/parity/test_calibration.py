"""Calibration equals scikit-learn's logistic regression and SciPy's minimum of
the same loss; its figures equal scikit-learn's and NumPy's."""

import json
import os
import struct
import subprocess
import tempfile
import unittest

import numpy as np
from scipy import optimize, special
from sklearn import metrics as sk
from sklearn.calibration import _sigmoid_calibration
from sklearn.linear_model import LogisticRegression

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("DMS_BUILD", os.path.join(REPO, "build"))
UNKNOWN = 255
PLATT, TEMPERATURE, NONE = range(3)
BINS = 15


class Case:
    def __init__(self, labels, logits, method=PLATT, task=0, point="f1"):
        self.y = np.ascontiguousarray(labels, np.uint8)
        self.z = np.ascontiguousarray(logits, np.float32)
        self.method, self.task, self.point = method, task, point

    def bytes(self):
        return (struct.pack("4i32s", len(self.y), self.task, self.method,
                            self.y.shape[1], self.point.encode())
                + self.y.tobytes() + self.z.tobytes())

    def column(self, k):
        known = self.y[:, k] != UNKNOWN
        return self.z[known, k].astype(float), self.y[known, k].astype(float)


def run(cases):
    with tempfile.NamedTemporaryFile() as file:
        for case in cases:
            file.write(case.bytes())
        file.flush()
        out = subprocess.run(
            [os.path.join(BUILD, "tests-tools", "calibration_cases"),
             file.name], stdout=subprocess.PIPE, check=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def any_of(rng, method=PLATT, point="f1", labels=4):
    """Logits that are too sure, of labels of which some are unknown."""
    n = int(rng.choice([60, 300, 1000]))
    z = rng.normal(rng.uniform(-2, 1, labels), rng.uniform(0.5, 4, labels),
                   (n, labels)).astype(np.float32)
    slopes, intercepts = rng.uniform(0.2, 2, labels), rng.normal(0, 1, labels)
    y = (rng.random(z.shape) < special.expit(slopes * z + intercepts)) * 1
    y[rng.random(z.shape) < 0.1] = UNKNOWN
    return Case(y, z, method, point=point)


def one_of(rng, labels=5):
    n = int(rng.choice([60, 300]))
    z = rng.normal(0, 3, (n, labels)).astype(np.float32)
    p = special.softmax(z * rng.uniform(0.2, 2), axis=1)
    y = np.array([rng.multinomial(1, row / row.sum())
                  for row in p.astype(float)])
    return Case(y, z, TEMPERATURE, task=1)


def platt_targets(y):
    plus, minus = y.sum(), (1 - y).sum()
    return np.where(y == 1, (plus + 1) / (plus + 2), 1 / (minus + 2))


def platt(z, y):
    """Logistic regression on soft targets: each case is positive by t and
    negative by 1 - t."""
    t = platt_targets(y)
    fit = LogisticRegression(penalty=None, solver="newton-cholesky", tol=1e-12,
                             max_iter=1000)
    fit.fit(np.r_[z, z][:, None], np.r_[np.ones(len(z)), np.zeros(len(z))],
            sample_weight=np.r_[t, 1 - t])
    return fit.coef_[0, 0], fit.intercept_[0]


def best_slope(loss):
    """By golden section over the logarithm of the slope."""
    found = optimize.minimize_scalar(
        lambda log_slope: loss(np.exp(log_slope)),
        bracket=(np.log(0.1), np.log(5)), method="golden",
        options={"xtol": 1e-10})
    return np.exp(found.x)


def sigmoid_loss(z, y):
    return lambda a: np.mean(np.logaddexp(0, a * z) - y * a * z)


def enough(y):
    return min(y.sum(), (1 - y).sum()) >= 10


class Fit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        rng = np.random.default_rng(7)
        cls.platt = [any_of(rng) for _ in range(40)]
        cls.temperature = [any_of(rng, TEMPERATURE) for _ in range(20)]
        cls.one_of = [one_of(rng) for _ in range(20)]

    def test_platt_scaling_is_logistic_regression_on_smoothed_targets(self):
        compared = 0
        for case, report in zip(self.platt, run(self.platt)):
            for k, label in enumerate(report["labels"].values()):
                z, y = case.column(k)
                self.assertEqual((label["known"], label["support"]),
                                 (len(y), y.sum()))
                slope, intercept = platt(z, y)
                self.assertEqual(label["own"],
                                 bool(enough(y) and slope > 1e-3))
                if label["own"]:
                    compared += 1
                    np.testing.assert_allclose(
                        (label["slope"], label["intercept"]),
                        (slope, intercept), rtol=1e-6, atol=1e-7)
                    a, b = _sigmoid_calibration(z, y)
                    np.testing.assert_allclose(
                        (label["slope"], label["intercept"]), (-a, -b),
                        rtol=1e-2, atol=1e-2)
        self.assertGreater(compared, 100)

    def test_a_temperature_minimises_the_log_loss_of_its_label(self):
        compared = 0
        for case, report in zip(self.temperature, run(self.temperature)):
            for k, label in enumerate(report["labels"].values()):
                z, y = case.column(k)
                if label["own"]:
                    compared += 1
                    self.assertAlmostEqual(
                        label["slope"] / best_slope(sigmoid_loss(z, y)), 1,
                        delta=1e-6)
                    self.assertEqual(label["intercept"], 0)
        self.assertGreater(compared, 50)

    def test_the_common_temperature_is_that_of_all_known_cells(self):
        for case, report in zip(self.platt, run(self.platt)):
            known = case.y != UNKNOWN
            slope = best_slope(sigmoid_loss(case.z[known].astype(float),
                                            case.y[known].astype(float)))
            self.assertAlmostEqual(report["temperature"] * slope, 1, delta=1e-6)
            for label in report["labels"].values():
                if not label["own"]:
                    self.assertEqual((label["slope"], label["intercept"]),
                                     (1 / report["temperature"], 0))

    def test_one_of_labels_have_the_temperature_of_their_softmax(self):
        for case, report in zip(self.one_of, run(self.one_of)):
            z, y = case.z.astype(float), case.y.argmax(1)
            slope = best_slope(lambda a: np.mean(
                special.logsumexp(a * z, axis=1)
                - a * z[np.arange(len(z)), y]))
            for label in report["labels"].values():
                self.assertAlmostEqual(label["slope"] / slope, 1, delta=1e-6)
                self.assertEqual((label["own"], label["intercept"]), (False, 0))


def ece(y, p):
    bins = np.minimum((p * BINS).astype(int), BINS - 1)
    return sum(abs(y[bins == b].mean() - p[bins == b].mean())
               * np.mean(bins == b) for b in set(bins))


class Figures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        rng = np.random.default_rng(8)
        cls.cases = [any_of(rng) for _ in range(20)]
        cls.reports = run(cls.cases)

    def assert_figures(self, got, y, p):
        self.assertEqual(got["cells"], len(y))
        for name, want in (("ece", ece(y, p)),
                           ("brier", sk.brier_score_loss(y, p)),
                           ("log_loss", sk.log_loss(y, p, labels=[0, 1]))):
            self.assertAlmostEqual(got[name], want, delta=1e-12, msg=name)

    def test_each_labels_figures_before_and_after(self):
        for case, report in zip(self.cases, self.reports):
            for k, label in enumerate(report["labels"].values()):
                z, y = case.column(k)
                figures = label["reliability"]
                self.assert_figures(figures["before"], y, special.expit(z))
                self.assert_figures(
                    figures["after"], y,
                    special.expit(label["slope"] * z + label["intercept"]))

    def test_figures_and_bins_of_all_labels_together(self):
        for case, report in zip(self.cases, self.reports):
            known = case.y != UNKNOWN
            y, p = case.y[known], special.expit(case.z[known].astype(float))
            got = report["reliability"]["before"]
            self.assert_figures(got, y, p)
            bins = np.minimum((p * BINS).astype(int), BINS - 1)
            self.assertEqual([b["count"] for b in got["bins"]],
                             list(np.bincount(bins, minlength=BINS)))
            for b, row in enumerate(got["bins"]):
                if row["count"]:
                    self.assertAlmostEqual(row["share"], y[bins == b].mean(),
                                           delta=1e-12)
                    self.assertAlmostEqual(row["probability"],
                                           p[bins == b].mean(), delta=1e-12)

    def test_the_fit_flatters_and_the_held_out_patients_do_not(self):
        gains = []
        for report in self.reports:
            loss = {stage: figures["log_loss"] for stage, figures
                    in report["reliability"].items()}
            self.assertLess(loss["after"], loss["before"])
            self.assertLess(loss["after"], loss["held_out"])
            gains.append(loss["before"] - loss["held_out"])
        self.assertGreater(np.mean(gains), 0)


class Points(unittest.TestCase):
    def hold(self, point):
        """(recall, specificity) reported, and of every possible threshold."""
        rng = np.random.default_rng(9)
        cases = [any_of(rng, point=point) for _ in range(20)]
        for case, report in zip(cases, run(cases)):
            for k, label in enumerate(report["labels"].values()):
                z, y = case.column(k)
                if min(y.sum(), (1 - y).sum()) < 5:
                    self.assertEqual((label["chosen"], label["threshold"]),
                                     (False, 0.5))
                    continue
                p = special.expit(label["slope"] * z + label["intercept"])
                found = p > label["threshold"]
                self.assertEqual(label["recall"], found[y == 1].mean())
                self.assertEqual(label["specificity"], (~found)[y == 0].mean())
                cuts = np.r_[-1, p]
                yield (label["recall"], label["specificity"]), [
                    ((p[y == 1] > t).mean(), (p[y == 0] <= t).mean())
                    for t in cuts]

    def test_a_sensitivity_is_kept_with_the_best_specificity(self):
        for (recall, specificity), all_of in self.hold("sensitivity=0.9"):
            self.assertGreaterEqual(recall, 0.9)
            self.assertAlmostEqual(
                specificity, max(s for r, s in all_of if r >= 0.9), delta=1e-12)

    def test_a_specificity_is_kept_with_the_best_sensitivity(self):
        for (recall, specificity), all_of in self.hold("specificity=0.95"):
            self.assertGreaterEqual(specificity, 0.95)
            self.assertAlmostEqual(
                recall, max(r for r, s in all_of if s >= 0.95), delta=1e-12)


if __name__ == "__main__":
    unittest.main()
