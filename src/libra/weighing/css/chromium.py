"""The CSS features that Chromium supports, as ``scripts/chromium_css.py`` found by asking it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Property(NamedTuple):
    """The values that Chromium accepts for a property.

    Attributes:
        words: Keywords.
        functions: Functions in lower case, each with sample arguments.
        samples: Values of several components that Chromium accepts as they are.
        kinds: How many components of one kind (``length``, ``color``) may follow one another.
        listed: Whether commas may separate several values.
    """

    words: frozenset[str]
    functions: frozenset[str]
    samples: tuple[str, ...]
    kinds: dict[str, int]
    listed: bool


class Chromium(NamedTuple):
    """The table of supported features."""

    properties: dict[str, Property]
    units: frozenset[str]
    pseudo_classes: frozenset[str]
    pseudo_class_functions: frozenset[str]
    pseudo_elements: frozenset[str]
    pseudo_element_functions: frozenset[str]
    font_techs: frozenset[str]
    font_formats: frozenset[str]
    at_rules: frozenset[str]


@cache
def chromium() -> Chromium:
    """The table, read once."""
    table = json.loads((Path(__file__).parent / "chromium.json").read_text("utf-8"))
    words = [frozenset(text.split()) for text in table["words"]]
    samples = [tuple(text.split("|")) if text else () for text in table["shapes"]]
    properties = {
        name: Property(words[known], words[functions], samples[several], kinds, listed)
        for name, (known, functions, several, kinds, listed) in table["properties"].items()
    }
    sets = (frozenset(table[name]) for name in Chromium._fields[1:])
    return Chromium(properties, *sets)
