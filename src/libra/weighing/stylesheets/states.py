"""Selectors that replace the states of elements on a page at rest.

Nothing is hovered, focused or visited. The attributes of a form field determine its state right after
loading (HTML, section 4.16.3).
"""

from __future__ import annotations

from typing import Final

_FIELDS = "button,input,select,textarea"
_CAN_BE_DISABLED = f":is({_FIELDS},optgroup,option,fieldset)"
_DISABLED = (
    f"{_CAN_BE_DISABLED}[disabled],optgroup[disabled]>option,"
    f"fieldset[disabled] :is({_FIELDS},fieldset):not(fieldset[disabled]>legend:first-of-type *)"
)


def _types(*types: str) -> str:
    return ",".join(f"[type={name} i]" for name in types)


_BUTTONS = _types("submit", "image", "reset", "button")
_NO_TEXT = _types(
    "checkbox", "radio", "range", "color", "file", "hidden", "submit", "image", "reset", "button"
)
_CHECKS = _types("checkbox", "radio")
_CAN_BE_REQUIRED = (
    f":is(select,textarea,input:not({_types('hidden', 'range', 'color')},{_BUTTONS}))"
)
_REQUIRED = f"{_CAN_BE_REQUIRED}[required]"
_EMPTY = ':is(:not([value]),[value=""])'
_WITH_PLACEHOLDER = (
    f"input:not({_NO_TEXT},{_types('date', 'month', 'week', 'time', 'datetime-local')})"
)
_CHOSEN_FIRST = (
    "select:not([multiple],[size])>option:first-of-type:not([selected],option:has(~[selected]))"
)
_CHECKED = f"input:is({_CHECKS})[checked],option[selected],{_CHOSEN_FIRST}"
_READ_WRITE = (
    f"input:not({_NO_TEXT}):not([readonly],{_DISABLED}),textarea:not([readonly],{_DISABLED}),"
    "[contenteditable]:not([contenteditable=false i]),"
    "[contenteditable]:not([contenteditable=false i]) *"
)
_SUBMITS = f"button:not([type=reset i],[type=button i]),input:is({_types('submit', 'image')})"
_WRONG = (
    f"input:not({_NO_TEXT})[required]{_EMPTY},input[type=checkbox i][required]:not([checked]),"
    "textarea[required]:empty,"
    'select[required]:has(> option:first-child[value=""]):not(:has(option[selected]:not([value=""]))),'
    'input[type=email i][value]:not([value=""],[value*="@"]),'
    'input[type=url i][value]:not([value=""],[value*=":"])'
)
_VALIDATED = (
    ":is(select,textarea,button:not([type=reset i],[type=button i]),"
    f"input:not({_types('hidden', 'reset', 'button')}))"
)
_EXEMPT = f"[readonly],{_DISABLED}"
_INVALID = f":is({_WRONG}):not({_EXEMPT}),:is(form,fieldset):has(:is({_WRONG}):not({_EXEMPT}))"
_RANGED = (
    f"input:is({_types('number', 'range', 'date', 'month', 'week', 'time', 'datetime-local')})"
    ":is([min],[max])"
)

STATES: Final[dict[str, str | None]] = {
    **dict.fromkeys(("any-link", "link", "-webkit-any-link"), "a[href],area[href]"),
    "checked": _CHECKED,
    "default": (
        f"input:is({_CHECKS})[checked],option[selected],"
        f"form :is({_SUBMITS}):not(:is({_SUBMITS}) ~ *)"
    ),
    "defined": "",
    "disabled": _DISABLED,
    "enabled": f"{_CAN_BE_DISABLED}:not({_DISABLED})",
    "indeterminate": (
        "progress:not([value]),input[type=radio i]:not([checked])"
        ":not(:is(form,fieldset,body):has(input[type=radio i][checked]) *)"
    ),
    "in-range": f"{_RANGED}:not({_EXEMPT})",
    "invalid": _INVALID,
    "open": ":is(details,dialog)[open]",
    "optional": f":is(select,textarea,button,input):not({_REQUIRED})",
    "placeholder-shown": (
        f"{_WITH_PLACEHOLDER}[placeholder]{_EMPTY},textarea[placeholder]:empty"
    ),
    "read-only": f":not({_READ_WRITE})",
    "read-write": _READ_WRITE,
    "required": _REQUIRED,
    "root": ":root",
    "scope": ":root",
    "valid": f":is({_VALIDATED}:not({_EXEMPT}),form,fieldset):not({_INVALID})",
    **dict.fromkeys(
        ("empty", "first-child", "first-of-type", "last-child", "last-of-type", "only-child",
         "only-of-type"),
        "=",
    ),
}  # fmt: skip
"""The replacement for each pseudo-class that may hold at rest.

It is a list of selectors; "" if the pseudo-class always holds, "=" if it stays as it is.
"""

RENDERED = frozenset(
    {
        "before", "after", "first-line", "first-letter", "marker", "placeholder",
        "-webkit-input-placeholder", "file-selector-button", "-webkit-file-upload-button",
        "details-content", "-webkit-scrollbar", "-webkit-scrollbar-track",
        "-webkit-scrollbar-thumb", "-webkit-scrollbar-button", "-webkit-scrollbar-corner",
        "-webkit-scrollbar-track-piece", "-webkit-search-cancel-button",
        "-webkit-search-decoration", "-webkit-progress-bar", "-webkit-progress-value",
        "-webkit-progress-inner-element", "-webkit-slider-thumb",
        "-webkit-slider-runnable-track", "-webkit-slider-container", "-webkit-meter-bar",
        "-webkit-meter-optimum-value", "-webkit-meter-inner-element",
        "-webkit-calendar-picker-indicator", "-webkit-inner-spin-button",
        "-webkit-color-swatch", "-webkit-color-swatch-wrapper", "-webkit-datetime-edit",
        "-webkit-details-marker", "-webkit-textfield-decoration-container", "backdrop", "picker-icon",
    }
)  # fmt: skip
"""Pseudo-elements that may exist without any action by a visitor."""

SAME = {
    "-webkit-input-placeholder": "placeholder",
    "-webkit-file-upload-button": "file-selector-button",
}
"""Aliases of pseudo-elements."""

LANGUAGE = "libra-language"
"""The attribute of the root element with the language that the document's ``<meta>`` states."""


def in_language(tag: str) -> str:
    """The selector for ``:lang(tag)``: the nearest ``lang`` decides, and without one the document."""
    own = f'[lang|="{tag}" i]'
    other = f"{own} [lang]:not({own})"
    whole = f':root[{LANGUAGE}|="{tag}" i]:not([lang])'
    return f":is({own},{own} *:not([lang],{other} *),{whole},{whole} *:not([lang],[lang] *))"
