"""The two scores of a page, each a log-normal curve through two control points.

Both use Lighthouse's formula (core/shared/statistics.js), including its erf, so that equal bytes give
equal points to the last digit. They differ in their control points. Those of the Teledrin score come
from the weight of today's web, so it is the share of the web that is heavier than this page.
"""

from __future__ import annotations

import math

from libra.report import Score

KIB = 1024

TELEDRIN_P10 = 607 * KIB
TELEDRIN_MEDIAN = 2412 * KIB
"""HTTP Archive, Web Almanac 2025, total page weight on desktop."""

LIGHTHOUSE_P10 = 2667 * KIB
LIGHTHOUSE_MEDIAN = 4000 * KIB
"""Lighthouse's audit ``total-byte-weight``, calibrated on HTTP Archive of February 2017."""

_INVERSE_ERFC_ONE_FIFTH = 0.9061938024368232


def score(transfer_bytes: int, *, whole: bool = True) -> Score:
    """Both scores and the verdict for a page with this transfer size.

    Args:
        transfer_bytes: the page's transfer size, or its lower bound.
        whole: False if the page is or may be heavier. Then there is no verdict and the scores are
            bounds.
    """
    teledrin = percent(transfer_bytes, p10=TELEDRIN_P10, median=TELEDRIN_MEDIAN)
    lighthouse = percent(transfer_bytes, p10=LIGHTHOUSE_P10, median=LIGHTHOUSE_MEDIAN)
    return Score(
        teledrin=teledrin,
        bound="exact" if whole else "at_most",
        verdict=verdict(teledrin) if whole else None,
        lighthouse=lighthouse,
    )


def verdict(teledrin: int) -> str:
    """The score in words; 90 and 50 are where Lighthouse's green and orange begin."""
    if teledrin >= 90:
        return "A for effort."
    if teledrin >= 50:
        return "Could be better."
    return "Not great."


def percent(value: float, *, p10: float, median: float) -> int:
    """Lighthouse's ``computeLogNormalScore`` and rounding: 0 to 100, 90 at ``p10``, 50 at ``median``."""
    if value <= 0:
        return 100
    standardised = math.log(value / median) * _INVERSE_ERFC_ONE_FIFTH / -math.log(p10 / median)
    share = (1 - _erf(standardised)) / 2
    # The approximation of erf is good to 1e-7: clamping keeps the control points exact.
    if value <= p10:
        share = max(0.9, min(1.0, share))
    elif value <= median:
        share = max(0.5, min(0.8999999999999999, share))
    else:
        share = max(0.0, min(0.4999999999999999, share))
    if share > 0.9:
        share += 0.05 * (share - 0.9)  # so that a share of about 0.995 rounds to a full score
    return math.floor(share * 100)


def _erf(x: float) -> float:
    """Abramowitz and Stegun, formula 7.1.26, as Lighthouse has it."""
    sign = -1 if x < 0 else 1
    x = abs(x)
    t = 1 / (1 + 0.3275911 * x)
    polynomial = t * (
        0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))
    )
    return sign * (1 - polynomial * math.exp(-x * x))
