"""A browser's own stylesheet for HTML, as far as it decides what is shown."""

from __future__ import annotations

from selectolax.lexbor import LexborNode

from libra.ascii import lowered, trimmed

NOT_RENDERED = frozenset(
    {
        "area", "base", "basefont", "datalist", "head", "link", "meta", "noembed", "noframes",
        "noscript", "param", "rp", "script", "source", "style", "template", "title", "track",
    }
)  # fmt: skip
"""Elements that the browser's own stylesheet does not display."""


NOT_DRAWN = frozenset(
    {
        "clippath", "defs", "desc", "lineargradient", "mask", "metadata", "pattern",
        "radialgradient", "symbol", "clipPath", "linearGradient", "radialGradient", "filter",
    }
)  # fmt: skip
"""Elements of drawings in which no frame or object loads."""


FOREIGN = frozenset({"svg", "math"})
"""Elements that start content to which the browser's own HTML stylesheet does not apply."""


HIDDEN = (
    "[hidden]:not([hidden=until-found i]),[popover]:not(dialog[open]),dialog:not([open]),"
    "input[type=hidden],audio:not([controls]),details:not([open])>:not(summary)"
)
"""Elements that the browser's own stylesheet hides. It means only HTML; a selector cannot say so."""


NOT_IN_A_MENU = "select>button,option>*"
"""Children that a select's menu leaves out, unless its appearance is ``base-select``."""


WITHOUT_CONTENT = frozenset(
    {"audio", "canvas", "iframe", "img", "meter", "object", "progress", "video", "embed", "br",
     "wbr", "hr", "input"}
)  # fmt: skip
"""Elements whose children are only for browsers that do not support them."""


INLINE_ELEMENTS = frozenset(
    {
        "a", "abbr", "acronym", "audio", "b", "bdi", "bdo", "big", "br", "button", "canvas", "cite",
        "code", "data", "del", "dfn", "em", "embed", "font", "i", "iframe", "img", "input", "ins",
        "kbd", "label", "map", "mark", "meter", "nobr", "object", "output", "picture", "progress",
        "q", "s", "samp", "select", "slot", "small", "span", "strike", "strong", "sub", "sup",
        "svg", "textarea", "time", "tt", "u", "var", "video", "wbr", "math", "ruby", "rt",
    }
)  # fmt: skip


ATOMIC = frozenset(
    {"audio", "button", "canvas", "embed", "iframe", "img", "input", "meter", "object", "progress",
     "select", "svg", "textarea", "video", "br", "wbr", "math"}
)  # fmt: skip
"""Inline elements with a box of their own, or none: no text line is measured for them."""


UA_STYLES: dict[str, tuple[str | None, str | None, str | None]] = {
    **dict.fromkeys(("b", "strong", "optgroup"), (None, "bolder", None)),
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6", "th"), (None, "bold", None)),
    **dict.fromkeys(("i", "em", "cite", "var", "dfn", "address"), (None, None, "italic")),
    **dict.fromkeys(
        ("code", "kbd", "listing", "plaintext", "pre", "samp", "tt", "xmp"),
        ("monospace", None, None),
    ),
    **dict.fromkeys(("button", "input", "select"), ("arial", "normal", "normal")),
    "textarea": ("monospace", "normal", "normal"),
}
"""Family, weight and style in the browser's own stylesheet."""


TEXTLESS_FIELDS = frozenset({"checkbox", "color", "hidden", "image", "radio", "range"})
"""Types of ``input`` without text."""


FIELDS = frozenset({"button", "input", "select", "textarea", "optgroup"})


HOSTS = {
    **dict.fromkeys(
        ("first-letter", "first-line"),
        "address,article,aside,blockquote,dd,div,dt,figcaption,footer,h1,h2,h3,h4,h5,h6,header,"
        "li,main,p,section,td,th,body,html,pre,ul,ol,form,nav",
    ),
    "placeholder": "input[placeholder]:not([value]),textarea[placeholder]:empty",
    "marker": "li,summary",
    "file-selector-button": "input[type=file i]",
    "details-content": "details[open]",
    "-webkit-scrollbar": "html",
    "-webkit-search-cancel-button": "input[type=search i][value]",
    **dict.fromkeys(
        ("-webkit-slider-thumb", "-webkit-slider-runnable-track"), "input[type=range i]"
    ),
    "-webkit-meter-bar": "meter",
    **dict.fromkeys(
        ("-webkit-calendar-picker-indicator", "-webkit-datetime-edit"), "input[type=date i]"
    ),
    "-webkit-inner-spin-button": "input[type=number i]",
    "picker-icon": "select",
    "-webkit-color-swatch": "input[type=color i]",
}
"""The elements with a pseudo-element that may have images of its own."""


LINELESS = ("flex", "grid", "inline-flex", "inline-grid", "table", "none")


BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "dd", "div", "dt", "figcaption", "footer", "h1",
     "h2", "h3", "h4", "h5", "h6", "header", "li", "main", "p", "section", "td", "th"}
)  # fmt: skip


PARTS_OF_TEXT = {
    "first-line": BLOCKS,
    "first-letter": BLOCKS,
    "marker": frozenset({"li", "summary"}),
    "placeholder": frozenset({"input", "textarea"}),
}
"""Pseudo-elements that style a part of an element's text, and the elements that may have them."""


def default_display(tag: str) -> str:
    """The ``display`` of an element without any in its stylesheets: ``inline`` or ``block``."""
    return "inline" if tag in INLINE_ELEMENTS or "-" in tag else "block"


def text_of_field(node: LexborNode) -> str | None:
    """The text that an ``input`` shows, or None if its type shows none."""
    attributes = node.attrs
    if lowered(trimmed(attributes.sget("type"))) in TEXTLESS_FIELDS:
        return None
    return attributes.sget("value") or attributes.sget("placeholder") or " "
