"""Two figures derived from a page's weight: carbon and EcoIndex. Libra measures neither.

Carbon follows the Sustainable Web Design Model, version 4
(sustainablewebdesign.org/estimating-digital-emissions). It counts energy per gigabyte in three segments,
for operation and for manufacture, at the world's carbon intensity.

EcoIndex (ecoindex.fr, github.com/cnumr/ecoindex_reference) ranks a page among half a million pages of
HTTP Archive. It weights elements, requests and size 3 to 2 to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from libra.report import Figures

OPERATIONAL: Final = 0.055 + 0.059 + 0.080
"""kWh per GB for operation: data centres, networks, devices."""

EMBODIED: Final = 0.012 + 0.013 + 0.081
"""kWh per GB for manufacture, in the same order."""

GRAMS_PER_KWH: Final = 494
"""The world's average (Ember, for 2022), which the model uses for both. It assumes no green hosting."""

GIGABYTE: Final = 1_000_000_000

ELEMENTS: Final = (
    0, 47, 75, 159, 233, 298, 358, 417, 476, 537, 603, 674, 753, 843, 949, 1076, 1237, 1459, 1801, 2479,
    594601,
)  # fmt: skip
REQUESTS: Final = (
    0, 2, 15, 25, 34, 42, 49, 56, 63, 70, 78, 86, 95, 105, 117, 130, 147, 170, 205, 281, 3920,
)  # fmt: skip
KILOBYTES: Final = (
    0, 1.37, 144.7, 319.53, 479.46, 631.97, 783.38, 937.91, 1098.62, 1265.47, 1448.32, 1648.27, 1876.08,
    2142.06, 2465.37, 2866.31, 3401.59, 4155.73, 5400.08, 8037.54, 223212.26,
)  # fmt: skip
"""Quantiles of the web in steps of one twentieth, from the lightest page to the heaviest."""


def figures(transfer_bytes: int, requests: int, elements: int | None) -> Figures:
    """Both figures of a page, rounded to their meaningful precision."""
    return Figures(
        co2_grams=round(co2_grams(transfer_bytes), 4),
        elements=elements,
        ecoindex=None
        if elements is None
        else round(ecoindex(elements, requests, transfer_bytes), 1),
    )


def co2_grams(transfer_bytes: int) -> float:
    """Grams of CO2 equivalent for one visit with an empty cache."""
    return transfer_bytes / GIGABYTE * (OPERATIONAL + EMBODIED) * GRAMS_PER_KWH


def ecoindex(elements: int, requests: int, transfer_bytes: int) -> float:
    """EcoIndex: 100 for an empty page, 0 beyond the heaviest page of the web."""
    places = (
        3 * place(elements, ELEMENTS)
        + 2 * place(requests, REQUESTS)
        + place(transfer_bytes / 1000, KILOBYTES)
    )
    return 100 - 5 * places / 6


def place(value: float, twentieths: Sequence[float]) -> float:
    """The position of a value among the twentieths, 0 to 20, with linear interpolation."""
    for upper in range(1, len(twentieths)):
        if value < twentieths[upper]:
            low, high = twentieths[upper - 1], twentieths[upper]
            return upper - 1 + (value - low) / (high - low)
    return len(twentieths) - 1
