"""Encodes text by the Encoding standard and percent-encodes it as in a query.

Python's codecs do the work; this module corrects where the standard differs. Some characters an encoding
decodes but does not encode, or encodes elsewhere; others the codec lacks.
"""

from __future__ import annotations

import codecs
import unicodedata
from functools import lru_cache
from urllib.parse import unquote_to_bytes

import webencodings

from libra.weighing.bodies.big5 import in_big5
from libra.weighing.bodies.charset import to_utf8

_SAFE = frozenset(code for code in range(0x21, 0x7F) if chr(code) not in "\"#<>'")
"""Characters that stay unescaped in the query of a special scheme."""

_JAPANESE = frozenset({"shift_jis", "euc-jp", "iso-2022-jp"})
"""They decode, but do not encode, private-use characters and those in `_NOT_WRITTEN`."""

_NOT_WRITTEN = "\u301c\u2016\xa2\xa3\xac"

_OTHERWISE: dict[str, dict[str, str]] = {
    "shift_jis": {"\xa5": "\\", "\u203e": "~", "\u2212": "%81|"},
    "euc-jp": {
        "\xa5": "\\", "\u203e": "~", "\uff5e": "%A1%C1", "\uff0d": "%A1%DD", "\u2212": "%A1%DD",
        "\u2225": "%A1%C2", "\uffe0": "%A1%F1", "\uffe1": "%A1%F2", "\uffe2": "%A2%CC",
    },
    "gbk": {"\u20ac": "%80", "\u1e3f": "%A8%BC"},
    "gb18030": {"\u1e3f": "%A8%BC", "\ue7c7": "%815%F47"},
    "windows-1255": {"\u05ba": "%CA"},
    "koi8-u": {"\u045e": "%AE", "\u040e": "%BE"},
}  # fmt: skip
_IN_GB18030 = dict(
    zip(
        "\ufe10\ufe12\ufe11\ufe13\ufe14\ufe15\ufe16\ufe17\ufe18\ufe19"
        "\u9fb4\u9fb5\u9fb6\u9fb7\u9fb8\u9fb9\u9fba\u9fbb"
        # # the private-use characters that these once were
        "\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795\ue796"
        "\ue81e\ue826\ue82b\ue82c\ue832\ue843\ue854\ue864",
        2 * (
            "%A6%D9", "%A6%DA", "%A6%DB", "%A6%DC", "%A6%DD", "%A6%DE", "%A6%DF", "%A6%EC", "%A6%ED",
            "%A6%F3", "%FEY", "%FEa", "%FEf", "%FEg", "%FEm", "%FE~", "%FE%90", "%FE%A0",
        ),
        strict=True,
    )
)  # fmt: skip
for _name in ("gbk", "gb18030"):
    _OTHERWISE[_name].update(_IN_GB18030)


def percent_encoded(text: str, encoding: str) -> str:
    """A query in an encoding; characters that the encoding lacks become character references.

    Args:
        text: Any text. Characters that a query may contain stay as they are.
        encoding: An encoding name of the standard. With an unknown one, returns the text unchanged.
    """
    found = webencodings.lookup(encoding)
    if found is None:
        return text
    if found.name != "iso-2022-jp":
        return "".join(_written(character, found.name) for character in text)
    # This encoding has states, so the text must be encoded as a whole.
    written, state = "", b"(B"
    for character in text:
        wanted, code = _in_states(character)
        if wanted != state:
            written, state = written + "%1B" + _percent(wanted), wanted
        written += code
    return written if state == b"(B" else f"{written}%1B{_percent(b'(B')}"


def _in_states(character: str) -> tuple[bytes, str]:
    """The ISO-2022-JP state of a character, and its code in that state (Encoding, 13.2.2)."""
    if character in "\xa5\u203e":
        return b"(J", "\\" if character == "\xa5" else "~"
    if "\uff61" <= character <= "\uff9f":
        character = _KATAKANA[ord(character) - 0xFF61]
    code = _written(character, "euc-jp")
    data = unquote_to_bytes(code)
    if len(data) == 2 and min(data) >= 0xA1:
        return b"$B", _percent(bytes(byte & 0x7F for byte in data))
    return b"(B", code


_KATAKANA = "".join(unicodedata.normalize("NFKC", chr(code)) for code in range(0xFF61, 0xFF9E)) + (
    "\u309b\u309c"
)


@lru_cache(maxsize=4096)
def _written(character: str, name: str) -> str:
    other = _OTHERWISE.get(name, {}).get(character)
    if other is not None:
        return other
    if _is_only_read(character, name):
        return _reference(character)
    encoding = webencodings.lookup(name)
    codec = None if encoding is None else encoding.codec_info
    if name == "gbk":
        codec = codecs.lookup("gb18030")  # a superset of GBK, with four-byte codes
    data = b"" if codec is None else codec.encode(character, "ignore")[0]
    if name == "gbk" and len(data) > 2:
        data = b""
    if (
        0 < len(data) < 4
        and name not in {"euc-jp", "shift_jis"}
        and not _reads_back(data, character, name)
    ):
        data = b""
    if name == "big5":
        data = in_big5().get(character, b"") or character.encode("ascii", "ignore")
    elif name == "euc-jp" and (not data or data[:1] == b"\x8f"):
        data = _nec().get(character, b"")  # excludes JIS X 0212
    elif name == "shift_jis":
        data = _ibm_pairs().get(data, data)
    if data:
        return _percent(data)
    if (
        len(data := character.encode("latin-1", "ignore")) == 1
        and _is_single(name)
        and _reads_back(data, character, name)
    ):
        return _percent(data)  # undefined bytes stand for themselves
    return _reference(character)


def _is_single(name: str) -> bool:
    return name.startswith(("windows-", "iso-8859-", "koi8-", "macintosh", "x-mac", "ibm866"))


def _reads_back(data: bytes, character: str, name: str) -> bool:
    return to_utf8(data, name) == character.encode()


def _is_only_read(character: str, name: str) -> bool:
    return name in _JAPANESE and ("\ue000" <= character <= "\uf8ff" or character in _NOT_WRITTEN)


def _reference(character: str) -> str:
    return f"%26%23{ord(character)}%3B"


def _percent(data: bytes) -> str:
    return "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in data)


@lru_cache(maxsize=1)
def _nec() -> dict[str, bytes]:
    """The characters that are in the standard's index JIS X 0208 and not in Python's, in EUC-JP."""
    found: dict[str, bytes] = {}
    for lead in (0x87, 0xED, 0xEE):
        for trail in (*range(0x40, 0x7F), *range(0x80, 0xFD)):
            row, cell = divmod(trail - (0x40 if trail < 0x7F else 0x41), 94)
            row += (lead - (0x81 if lead < 0xA0 else 0xC1)) * 2
            character = bytes((lead, trail)).decode("cp932", "ignore")
            found.setdefault(character, bytes((row + 0xA1, cell + 0xA1)))
    return found


@lru_cache(maxsize=1)
def _ibm_pairs() -> dict[bytes, bytes]:
    """Map NEC codes of duplicate characters in Shift_JIS to the IBM codes that are written (12.3.2)."""
    pairs: dict[bytes, bytes] = {}
    for lead in range(0xFA, 0xFD):
        for trail in range(0x40, 0xFD):
            ibm = bytes((lead, trail))
            character = ibm.decode("cp932", "ignore")
            written = character.encode("cp932") if len(character) == 1 else ibm
            if written[0] in {0xED, 0xEE}:
                pairs[written] = ibm
    return pairs
