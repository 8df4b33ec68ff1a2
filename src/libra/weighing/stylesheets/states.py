"""Selectors that replace the states of elements on a page at rest.

Nothing is hovered, focused or visited. The attributes of a form field determine its state right after
loading (HTML, section 4.16.3).
"""

from __future__ import annotations

from typing import Final

from libra.ascii import lowered

_FIELDS = "button,input,select,textarea"
_CAN_BE_DISABLED = f":is({_FIELDS},optgroup,option,fieldset)"
_IN_DISABLED = "fieldset[disabled] *:not(fieldset[disabled]>legend:first-of-type *)"
_DISABLED = (
    f"{_CAN_BE_DISABLED}[disabled],optgroup[disabled]>option,"
    f":is({_FIELDS},fieldset):is({_IN_DISABLED}),"
    f"select:is([disabled],{_IN_DISABLED}) :is(option,optgroup)"
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
_AS_MENU = 'select:not([multiple]):is(:not([size]),[size=""],[size="0"],[size="1"])'
_CHOICE = "option:not([disabled],optgroup[disabled]>option)"
_CHOSEN_FIRST = (
    f"{_AS_MENU}:not(:has(option[selected])) {_CHOICE}"
    f":not({_CHOICE} ~ *,optgroup:has({_CHOICE}) ~ *,optgroup:has({_CHOICE}) ~ * *)"
)
_CHOSEN_LATER = "~ option[selected],~ optgroup option[selected]"
_CHOSEN = (
    "option[selected]:not(select:not([multiple]) option:has(~ option[selected]),"
    f"select:not([multiple]) optgroup:has({_CHOSEN_LATER}) *,"
    f"select:not([multiple])>option:has({_CHOSEN_LATER}))"
)
_CHECKED = f"input:is({_CHECKS})[checked],{_CHOSEN},{_CHOSEN_FIRST}"
_RADIO = "input[type=radio i]"
_CHECKED_RADIO = f"{_RADIO}[name][checked]"
_INDETERMINATE = (
    f"progress:not([value]),{_RADIO}:not([checked])"
    f':not([name]:not([name=""]):is(form:has({_CHECKED_RADIO}) *,'
    f"body:has({_CHECKED_RADIO}:not(form *)) *:not(form *)))"
)
_EDITABLE = ':is([contenteditable=""],[contenteditable=true i],[contenteditable=plaintext-only i])'
_FIXED = "[contenteditable=false i]"
_READ_WRITE = (
    f"input:not({_NO_TEXT}):not([readonly],{_DISABLED}),textarea:not([readonly],{_DISABLED}),"
    f"*:is({_EDITABLE},{_EDITABLE} *:not({_FIXED},{_FIXED} *))"
    ":not(input,textarea,svg,svg *,math,math *)"
)
_SUBMITS = f"button:not([type=reset i],[type=button i]),input:is({_types('submit', 'image')})"
_BEFORE = f"form *:is({_SUBMITS},:has({_SUBMITS})):not([form])"
_WRONG = (
    f"input:not({_NO_TEXT})[required]{_EMPTY},"
    "input:is([type=checkbox i]:not([checked]),[type=file i])[required],"
    "textarea[required]:empty,"
    f'{_AS_MENU}[required]:has(> option:first-child:is([value=""],:empty:not([value])):not([disabled]))'
    ":not(:has(option[selected]:not([value='']))),"
    f"select[required]:not({_AS_MENU}):not(:has(option[selected]:not([value=''])))"
    ",select[required]:not(:has(option)),"
    'input[type=email i][value]:not([value=""],[value*="@"]),'
    'input[type=url i][value]:not([value=""],[value*=":"])'
)
_VALIDATED = (
    ":is(select,textarea,button:not([type=reset i],[type=button i]),"
    f"input:not({_types('hidden', 'reset', 'button', 'image')}))"
)
_EXEMPT = f"input[readonly],textarea[readonly],datalist *,{_DISABLED}"
_INVALID = f":is({_WRONG}):not({_EXEMPT}),:is(form,fieldset):has(:is({_WRONG}):not({_EXEMPT}))"
_RANGED = (
    f"input:is({_types('number', 'range', 'date', 'month', 'week', 'time', 'datetime-local')})"
    ":is([min],[max],[type=range i])"
)

STATES: Final[dict[str, str | None]] = {
    **dict.fromkeys(("any-link", "link", "-webkit-any-link"), "a[href],area[href]"),
    "checked": _CHECKED,
    "default": (
        f"input:is({_CHECKS})[checked],option[selected],"
        f"form :is({_SUBMITS}):not([form],{_BEFORE} ~ *,{_BEFORE} ~ *:not(form,:has(form)) *)"
    ),
    "defined": "",
    "disabled": _DISABLED,
    "enabled": f"{_CAN_BE_DISABLED}:not({_DISABLED})",
    "indeterminate": _INDETERMINATE,
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

LANGUAGE = "libra-language"
"""The attribute of the root element with the language that the document's ``<meta>`` states."""


def in_language(tag: str) -> str:
    """The selector for ``:lang(tag)``: the nearest ``lang`` decides, and without one the document."""
    own = f'[lang|="{tag}" i]'
    other = f"{own} [lang]:not({own})"
    whole = f':root[{LANGUAGE}|="{tag}" i]:not([lang])'
    return f":is({own},{own} *:not([lang],{other} *),{whole},{whole} *:not([lang],[lang] *))"


_RIGHT_TO_LEFT = "[dir=rtl i]"
_OTHER_DIRECTION = (
    ":is([dir=ltr i],[dir=auto i],bdi:not([dir=rtl i]),input[type=tel i]:not([dir=rtl i]))"
)
_RTL = (
    f"*{_RIGHT_TO_LEFT}:not(svg,svg *,math,math *),{_RIGHT_TO_LEFT}:not(svg,math) "
    f"*:not({_OTHER_DIRECTION},{_RIGHT_TO_LEFT} {_OTHER_DIRECTION} *)"
)


def in_direction(value: str) -> str | None:
    """The selector for ``:dir(value)``, where the nearest ``dir`` decides; None if nothing matches.

    The text of ``dir=auto`` counts as left to right.
    """
    match lowered(value):
        case "rtl":
            return f":is({_RTL})"
        case "ltr":
            return f":not({_RTL})"
        case _:
            return None
