"""The tests of `dmsnet compare` equal plain implementations of their formulas:
DeLong's covariance from all pairs of patients, scipy's binomial test, Holm's
steps one by one; the bootstrap agrees with numpy's own resamples."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest
import warnings

import numpy as np
from scipy import stats
from sklearn import metrics as sk

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILD = os.environ.get("DMS_BUILD", str(REPO / "build"))
CODES = ["a", "b", "c"]
CASES = 60


def write(path, values):
    with open(path, "w", encoding="ascii") as file:
        print("ID", *CODES, sep=",", file=file)
        for i, row in enumerate(values):
            cells = ["" if np.isnan(v) else repr(float(v)) for v in row]
            print(i, *cells, sep=",", file=file)


def compare(folder, y, sets, *options):
    write(f"{folder}/labels.csv", y)
    for s, p in enumerate(sets):
        write(f"{folder}/{s}.csv", p)
    out = subprocess.run(
        [os.path.join(BUILD, "dmsnet"), "compare",
         *[f"{folder}/{s}.csv" for s in range(len(sets))], "--labels",
         f"{folder}/labels.csv", "--label-set", ",".join(CODES), "--json",
         *options],
        stdout=subprocess.PIPE, check=True, text=True).stdout
    return json.loads(out)


def random_case(rng):
    """Labels, some unknown, and three sets of probabilities with ties, the
    later ones like the first."""
    n = int(rng.choice([4, 10, 40, 150]))
    y = (rng.random((n, 3)) < rng.choice([0.1, 0.3, 0.6], 3)).astype(float)
    y[rng.random((n, 3)) < rng.choice([0, 0.2])] = np.nan
    y[0] = 0, 1, 0
    steps = int(rng.choice([3, 10, 1000]))
    first = rng.integers(0, steps + 1, (n, 3)) / steps
    sets = [first]
    for share in (0.3, 1):
        other = rng.integers(0, steps + 1, (n, 3)) / steps
        sets.append(np.where(rng.random((n, 3)) < share, other, first))
    return y, sets


def delong(y, p, q):
    """Difference of AUC, its standard error and p, from the n x m matrix of
    DeLong, DeLong & Clarke-Pearson's kernel."""
    def kernel(values):
        x, z = values[y == 1][:, None], values[y == 0][None, :]
        return (x > z) + 0.5 * (x == z)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        k = [kernel(p), kernel(q)]
        aucs = [v.mean() if v.size else np.nan for v in k]
        m, n = k[0].shape
        if m == 0 or n == 0:
            return np.nan, np.nan, np.nan
        if m < 2 or n < 2:
            return aucs[1] - aucs[0], np.nan, np.nan
        s10 = np.cov([v.mean(1) for v in k])
        s01 = np.cov([v.mean(0) for v in k])
    s = s10 / m + s01 / n
    variance = s[0, 0] + s[1, 1] - 2 * s[0, 1]
    difference = aucs[1] - aucs[0]
    if variance < 1e-18:
        return difference, 0, 1 if abs(difference) < 1e-12 else np.nan
    error = np.sqrt(variance)
    return difference, error, 2 * stats.norm.sf(abs(difference) / error)


def holm(p):
    """Reject from the smallest p on while p <= alpha / (tests left): the
    adjusted p is the least alpha at which that happens."""
    known = sorted(v for v in p if v is not None)
    out = []
    for v in p:
        before = [(len(known) - i) * w for i, w in enumerate(known)
                  if v is not None and w <= v]
        out.append(None if v is None else min(1, max(before)))
    return out


class Compare(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def near(self, got, want, where, tolerance=1e-9):
        if want is None or np.isnan(want):
            self.assertIsNone(got, where)
        else:
            self.assertIsNotNone(got, (where, want))
            self.assertLessEqual(abs(got - want), tolerance,
                                 (where, got, want))

    def cases(self):
        rng = np.random.default_rng(12)
        for i in range(CASES):
            y, sets = random_case(rng)
            got = compare(self.folder, y, sets, "--all-pairs", "--resamples",
                          "50")
            self.assertEqual([(p["first"], p["second"])
                              for p in got["pairs"]],
                             [(0, 1), (0, 2), (1, 2)])
            # a row of unknown labels only is a patient without labels
            rows = ~np.isnan(y).all(1)
            yield i, y[rows], [p[rows] for p in sets], got

    def test_delong_is_that_of_all_pairs_of_patients(self):
        z = stats.norm.ppf(0.975)
        seen = {"tested": 0, "one class": 0, "one patient": 0}
        for i, y, sets, got in self.cases():
            for pair in got["pairs"]:
                for k, code in enumerate(CODES):
                    known = ~np.isnan(y[:, k])
                    difference, error, p = delong(
                        y[known, k], *[sets[pair[s]][known, k]
                                       for s in ("first", "second")])
                    auc, where = pair["auc"][code], (i, code)
                    self.near(auc["difference"], difference, where)
                    # the covariance matrix cancels digits, ours does not
                    for name, want in (("low", difference - z * error),
                                       ("high", difference + z * error),
                                       ("p", p)):
                        self.near(auc[name], want, where, 1e-7)
                    seen["one class"] += np.isnan(difference)
                    seen["one patient"] += bool(
                        np.isnan(p) and not np.isnan(difference))
                    seen["tested"] += p < 0.99
        self.assertGreater(min(seen.values()), 5, seen)

    def test_mcnemar_is_scipys_binomial_test(self):
        small = 0
        for i, y, sets, got in self.cases():
            for pair in got["pairs"]:
                for k, code in enumerate(CODES):
                    known = ~np.isnan(y[:, k])
                    right = [(sets[pair[s]][known, k] > 0.5) == y[known, k]
                             for s in ("first", "second")]
                    first = int((right[0] & ~right[1]).sum())
                    second = int((right[1] & ~right[0]).sum())
                    found = pair["decisions"][code]
                    self.assertEqual((found["first_only"],
                                      found["second_only"]), (first, second))
                    p = stats.binomtest(first, first + second).pvalue \
                        if first + second else 1
                    self.near(found["p"], p if known.any() else None,
                              (i, code))
                    small += p < 0.05
        self.assertGreater(small, 5)

    def test_holm_corrects_each_table_as_one_family(self):
        for i, _, _, got in self.cases():
            for table in ("metrics", "auc", "decisions"):
                rows = [row for pair in got["pairs"]
                        for row in pair[table].values()]
                for row, want in zip(rows, holm([r["p"] for r in rows])):
                    self.near(row["p_holm"], want, (i, table))

    def test_differences_are_those_of_the_figures(self):
        for i, y, sets, got in self.cases():
            for s, p in enumerate(sets):
                areas = []
                for k in range(3):
                    known = ~np.isnan(y[:, k])
                    if len(set(y[known, k])) == 2:
                        areas.append(sk.roc_auc_score(y[known, k],
                                                      p[known, k]))
                self.near(got["sets"][s]["metrics"]["macro_auc"]["value"],
                          np.mean(areas) if areas else None, i)
            for pair in got["pairs"]:
                for name, row in pair["metrics"].items():
                    values = [got["sets"][pair[s]]["metrics"][name]["value"]
                              for s in ("first", "second")]
                    want = None if None in values else values[1] - values[0]
                    self.near(row["difference"], want, (i, name), 1e-15)

    def test_the_bootstrap_is_one_of_patients(self):
        rng = np.random.default_rng(10)
        n = 200
        y = (rng.random((n, 3)) < 0.4).astype(float)
        noise = rng.random((n, 3))
        sets = [np.clip(0.3 * y + 0.7 * noise, 0, 1),
                np.clip(0.4 * y + 0.4 * noise + 0.2 * rng.random((n, 3)),
                        0, 1)]
        got = compare(self.folder, y, sets, "--resamples", "4000")
        row = got["pairs"][0]["metrics"]["cell_accuracy"]
        right = [((p > 0.5) == y).mean(1) for p in sets]
        draws = []
        for _ in range(4000):
            i = rng.integers(0, n, n)  # the same patients for both
            draws.append(right[1][i].mean() - right[0][i].mean())
        low, high = np.percentile(draws, [2.5, 97.5])
        self.near(row["difference"], right[1].mean() - right[0].mean(), "")
        self.assertLess(abs(row["low"] - low), 0.1 * (high - low))
        self.assertLess(abs(row["high"] - high), 0.1 * (high - low))
        draws = np.array(draws)
        p = 2 * min((draws <= 0).mean(), (draws >= 0).mean())
        self.assertLess(abs(row["p"] - p), 0.02)
        # paired: unpaired resamples would give a wider interval
        spread = np.sqrt(sum(r.var() for r in right) / n)
        self.assertLess(high - low, 2 * 1.96 * spread)

    def test_a_p_is_small_where_the_interval_leaves_zero_out(self):
        for _, _, _, got in self.cases():
            for pair in got["pairs"]:
                for name, row in pair["metrics"].items():
                    if row["p"] is None or not row["low"] < row["high"]:
                        continue
                    if row["p"] < 0.03:
                        self.assertTrue(row["low"] > 0 or row["high"] < 0,
                                        (name, row))
                    if row["p"] > 0.2:
                        self.assertTrue(row["low"] <= 0 <= row["high"],
                                        (name, row))


if __name__ == "__main__":
    unittest.main()
