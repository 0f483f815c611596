#!/usr/bin/env python3
"""python3 experiments/greek-bulgarian/test_results.py"""
import pathlib
import statistics
import tempfile
import unittest

import report
import results
import run


def utterance(wrong, words, locale="el-GR", heard="ένα <δύο>"):
    return {"edits": {"substitutions": wrong, "deletions": 0, "insertions": 0, "reference": words},
            "target_lang": locale, "pred_lang": locale, "text": "ένα δύο", "pred_text": heard}


def evaluation(wrong):
    """Of one new and one other language: `wrong` errors in each of 60 utterances of 5 to 9 words."""
    return {("56,0", locale): {f"{number}.flac": utterance(wrong(locale, number), 5 + number % 5, locale)
                               for number in range(60)} for locale in ("el-GR", "de-DE")}


class Bootstrap(unittest.TestCase):
    def test_packing_keeps_all_counts(self):
        counts = [[number, 3 * number, 7, 11] for number in range(1, 30)]
        draws = results.resampled_rates(counts, 2000, seed=5)
        self.assertTrue(all(draw[2] == 7 / 11 for draw in draws))
        self.assertTrue(all(abs(draw[1] - 3 * draw[0]) < 1e-12 for draw in draws))

    def test_interval_is_that_of_the_normal_approximation(self):
        counts = [[number % 3, 10] for number in range(300)]
        low, high = results.interval([draw[0] for draw in results.resampled_rates(counts, 10_000, seed=1)])
        error = statistics.pstdev(row[0] / 10 for row in counts) / 300 ** 0.5
        self.assertAlmostEqual(low, 0.1 - 1.96 * error, delta=0.1 * error)
        self.assertAlmostEqual(high, 0.1 + 1.96 * error, delta=0.1 * error)

    def test_same_seed_same_draws(self):
        counts = [[1, 3], [0, 4], [2, 2]]
        self.assertEqual(results.resampled_rates(counts, 50, 1), results.resampled_rates(counts, 50, 1))
        self.assertNotEqual(results.resampled_rates(counts, 50, 1), results.resampled_rates(counts, 50, 2))


class Comparison(unittest.TestCase):
    def setUp(self):
        noisy = lambda _locale, number: number % 4
        self.evaluations = {
            "base": evaluation(noisy),
            "with-replay": evaluation(lambda locale, number: noisy(locale, number) if locale == "de-DE" else 0),
            # In Greek one utterance more and one less than the base model.
            "without-replay": evaluation(lambda locale, number: noisy(locale, number) + (
                2 if locale == "de-DE" else {0: 1, 1: -1}.get(number, 0)))}

    def compare(self):
        return results.compare(self.evaluations, ["el-GR"], ["de-DE"], ["56,0"], 500)

    def verdict(self, row, model, against="base"):
        return report.difference(row, model, against)["verdict"]

    def test_verdicts(self):
        greek, german = self.compare()["scores"]
        self.assertEqual(self.verdict(greek, "with-replay"), "better")
        self.assertEqual(self.verdict(greek, "without-replay"), "not significant")
        self.assertEqual(self.verdict(german, "with-replay"), "not significant")  # the same in every utterance
        self.assertEqual(self.verdict(german, "without-replay"), "worse")
        self.assertEqual(self.verdict(german, "with-replay", "without-replay"), "better")
        self.assertAlmostEqual(greek["wer"]["base"], 90 / 420)
        self.assertEqual(report.difference(greek, "with-replay")["relative"], -1)

    def test_mean_of_the_others(self):
        found = self.compare()
        self.assertEqual(found["others"][0]["wer"], found["scores"][1]["wer"])

    def test_different_utterances_are_an_error(self):
        del self.evaluations["base"]["56,0", "el-GR"]["7.flac"]
        with self.assertRaises(ValueError):
            self.compare()


class Page(unittest.TestCase):
    def test_marks_and_escapes(self):
        self.assertEqual(report.marked("ένα δύο", "ένα <δύο>"), "ένα <mark>&lt;δύο&gt;</mark>")
        self.assertIn("nothing", report.marked("ένα", ""))


class Mixture(unittest.TestCase):
    def test_its_paths_count_from_its_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            work = pathlib.Path(folder)
            train = work / "data" / "train"
            train.mkdir(parents=True)
            (train / "manifest_0.json").touch()
            item = run.shards(train, work / "mixture.yaml", 0.5)
            manifest = work / item["manifest_filepath"].replace("_OP_0..0_CL_", "0")
            self.assertTrue(manifest.exists(), item)


if __name__ == "__main__":
    unittest.main()
