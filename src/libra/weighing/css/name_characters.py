"""The characters of names in CSS (CSS Syntax 3, section 4.2), for regular expressions.

All characters outside ASCII belong to names. A set that lists them makes `re` build a map of Unicode,
which takes 5 ms wherever the set occurs. So these sets list what is not in them.
"""

from __future__ import annotations

NAME = r"[^\x00-,./:-@\[-\^`{-\x7f]"
"""A character of a name: a letter, a digit, ``_``, ``-``, or any character outside ASCII."""

NAME_OR_BACKSLASH = r"[^\x00-,./:-@\[\]\^`{-\x7f]"
"""The same, or a backslash, which may begin an escape."""

NAME_START = r"[^\x00-@\[-\^`{-\x7f]"
"""A character that a name begins with: a letter, ``_``, or any character outside ASCII."""
