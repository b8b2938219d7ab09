import numpy as np
import pytest
from media_forensics.detector.metrics.calibration import threshold_for_fpr
from media_forensics.detector.metrics.rates import operating_point, rates_at_threshold
from media_forensics.detector.metrics.threshold_transfer import QUANTILES, transfer_table


def test_fixed_rates_stand_beside_each_sets_own_oracle():
    rng = np.random.default_rng(0)
    sets = {}
    for name, shift in (("home", 0.0), ("away", 0.3)):
        y = rng.integers(0, 2, 500)
        sets[name] = y, np.clip(rng.normal(0.2 + shift + 0.4 * y, 0.15), 0, 1)
    y, s = sets["home"]
    threshold = threshold_for_fpr(s[y == 0], 0.05)
    home, away = transfer_table(threshold, 0.05, sets)
    assert home.fixed.fpr <= 0.05 < away.fixed.fpr
    for row in (home, away):
        assert row.fixed == rates_at_threshold(*sets[row.name], threshold)
        assert row.oracle == operating_point(*sets[row.name], 0.05) and not row.undefined
        reals = sets[row.name][1][sets[row.name][0] == 0]
        assert row.real_quantiles == pytest.approx(np.quantile(reals, QUANTILES))


def test_a_set_without_an_oracle_says_why():
    few, one = transfer_table(0.5, 0.01, {"few": ([0, 1], [0.1, 0.9]), "one": ([1, 1], [0.1, 0.9])})
    assert few.oracle is None and "cannot be observed" in few.undefined
    assert one.oracle is None and "both classes" in one.undefined
    assert one.fixed.fpr is None and one.fixed.tpr == 0.5 and one.real_quantiles == ()
