"""Big5 as the Encoding standard (12.1) defines it, which differs from Python's codec."""

from __future__ import annotations

import re
from functools import lru_cache

# fmt: off
_OTHERWISE: dict[int, str] = {
    0x877A:
        "㡵𡵓𣚞𦀡㻬𥣞㫵竼龗𤅡𨤍𣇪𠪊𣉞䌊蒄龖鐯䤰蘓墖靊鈘秐稲晠権袝瑌篅枂稬剏遆㓦珄𥶹瓆鿇垳䤯呌䄱𣚎堘穲𧭥讏䚮𦺈"
        "䆁𥶙箮𢒼鿈𢓁𢓉𢓌鿉蔄𣖻䂴鿊䓡𪷿拁灮鿋",
    0x8E69: "箸",
    0x8E6F: "簆", 0x8E7E: "糎", 0x8EAB: "緒", 0x8EB4: "縝", 0x8ECD: "者", 0x8ED0: "耨", 0x8F57: "菁",
    0x8F69: "蒨", 0x8F6E: "萏", 0x8FCB: "覦覩", 0x8FFE: "起", 0x906D: "都", 0x907A: "銹", 0x90DC: "靜",
    0x90F1: "響", 0x91BF: "鼖", 0x9244: "蔃", 0x92AF: "兙兛兝兞", 0x92C8: "鍮", 0x92D1: "瑹",
    0x9447: "浧", 0x94CA: "禛", 0x95D9: "邗", 0x9644: "靝", 0x96ED: "瀞", 0x96FC: "嬨", 0x9B76: "爁",
    0x9B78: "矗", 0x9B7B: "纇", 0x9BC6: "駖", 0x9BDE: "釔", 0x9BEC: "惞", 0x9BF6: "澶", 0x9C42: "輶",
    0x9C53: "侻", 0x9C62: "營", 0x9C68: "鄄", 0x9C6B: "鷰", 0x9C77: "菏", 0x9CBC: "尐秣", 0x9CD0: "婧",
    0x9D57: "輋", 0x9D5A: "筑", 0x9DC4: "拐", 0x9EA9: "恢", 0x9EEF: "痹", 0x9EFD: "汊", 0x9F60: "鬮",
    0x9F66: "鼗", 0x9FCB: "僭", 0x9FD8: "弌", 0xA063: "蠏", 0xA077: "拎", 0xA0D5: "瑨", 0xA0DF: "煢",
    0xA0E4: "牐", 0xA145: "‧", 0xA14E: "﹑", 0xA1C2: "¯", 0xA1E3: "\uff5e", 0xA1F2: "⊕⊙",
    0xA241: "\u2215\ufe68",
    0xA244: "￥", 0xA246: "￠￡", 0xA3C0: "␀␁␂␃␄␅␆␇␈␉␊␋␌␍␎␏␐␑␒␓␔␕␖␗␘␙␚␛␜␝␞␟␡", 0xC6CF: "廴",
    0xC6D3: "无", 0xC6D5: "癶", 0xC6D7: "隶", 0xC6DE: "〃仝", 0xFA5F: "倩", 0xFA66: "偽", 0xFABD: "包",
    0xFAC5: "卄", 0xFAD5: "卿", 0xFB48: "嘅", 0xFBB8: "婷", 0xFBF3: "幵", 0xFBF9: "廐", 0xFC4F: "彘",
    0xFC6C: "悤", 0xFCB9: "撐", 0xFCE2: "晴", 0xFCF1: "杞", 0xFDB7: "沜渝", 0xFDBB: "港", 0xFDF1: "煮",
    0xFE52: "猪", 0xFE6F: "瑜", 0xFEAA: "瓩", 0xFEDD: "砉",
}
# fmt: on

_TRAILS = (*range(0x40, 0x7F), *range(0xA1, 0xFF))
_CODE = re.compile(rb"[\x81-\xfe][\x40-\x7e\x80-\xff]|[\x80-\xff]")
_NOTHING = "\ufffd"
_LAST = "\u2550\u255e\u2561\u256a\u5341\u5345"
"""These characters have several codes; encoding uses the last one. For all others it uses the first."""


def from_big5(body: bytes) -> bytes:
    """Decode a body from Big5 to UTF-8. Never raises."""
    return _CODE.sub(_read, body)


@lru_cache(maxsize=1)
def in_big5() -> dict[str, bytes]:
    """Map each character to its Big5 bytes. Hong Kong's supplement is only decoded (Encoding, 5)."""
    found: dict[str, bytes] = {}
    for pair, data in _pairs().items():
        character = data.decode()
        if pair >= b"\xa1" and (character not in found or character in _LAST):
            found[character] = pair
    return found


def _read(code: re.Match[bytes]) -> bytes:
    found = _pairs().get(code[0])
    if found is not None:
        return found
    # An invalid lead byte also consumes the next byte, unless that is ASCII.
    rest = code[0][1:] if code[0][1:] < b"\x80" else b""
    return _NOTHING.encode() + rest


@lru_cache(maxsize=1)
def _pairs() -> dict[bytes, bytes]:
    pairs: dict[bytes, bytes] = {}
    for lead in range(0x81, 0xFF):
        for trail in _TRAILS:
            pair = bytes((lead, trail))
            text = pair.decode("big5hkscs", "ignore")
            if text and not text.isascii():
                pairs[pair] = text.encode()
    pairs[b"\xa3\xe1"] = "\u20ac".encode()
    pairs.update((pair, text.encode()) for pair, text in _otherwise().items())
    return dict(sorted(pairs.items()))


def _otherwise() -> dict[bytes, str]:
    found: dict[bytes, str] = {}
    for start, text in _OTHERWISE.items():
        first = _TRAILS.index(start & 0xFF)
        for trail, character in zip(_TRAILS[first:], text, strict=False):
            found[bytes((start >> 8, trail))] = character
    return found
