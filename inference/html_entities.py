"""HTML entities read inside a tokenizer: each becomes its character, at its own place in the text.

A tokenizer's normaliser cannot compute, only replace a pattern by a constant. So there is one
replacement for each character that matters, and one for each kind of those that do not.
"""

import html
import re
from collections import defaultdict
from collections.abc import Callable
from html.entities import html5
from typing import Any

from tokenizers import Regex, normalizers

LETTER, SYMBOL = "é", "¤"
"""Stand for all letters and for all other characters that the model's alphabet has not."""

_NUMBERED = 0x3001
"""Numeric references below this are looked at one by one; no alphabet we read lies above it."""


def entity_replacements(keeps: Callable[[str], bool]) -> list[Any]:
    """Normalisers that do what `html.unescape` does, for a model that sees what `keeps` allows."""
    patterns: dict[str, list[str]] = defaultdict(list)
    for name in sorted(html5, key=len, reverse=True):
        patterns[_outcome(html5[name], keeps)].append(name + _not_longer(name))
    for number in range(_NUMBERED):
        outcome = _outcome(html.unescape(f"&#{number};"), keeps)
        if outcome != SYMBOL:
            patterns[outcome].append(
                f"#(?:0*{number}(?![0-9])|[xX]0*{_any_case(number)}(?![0-9a-fA-F]));?"
            )
    # "&amp;lt;" reads "&lt;": an ampersand that comes out is no beginning of another entity.
    ampersand = patterns.pop("&")
    replacements = [_replace(names, outcome) for outcome, names in sorted(patterns.items())]
    rest = normalizers.Replace(Regex("&#(?:[0-9]+|[xX][0-9a-fA-F]+);?"), SYMBOL)
    return [*replacements, rest, _replace(ampersand, "&")]


def _replace(names: list[str], outcome: str) -> Any:
    return normalizers.Replace(Regex(f"&(?:{'|'.join(names)})"), outcome)


def _outcome(text: str, keeps: Callable[[str], bool]) -> str:
    if not text:
        return ""
    if text.isspace():
        return " "
    if any(map(keeps, text)):
        return text
    return LETTER if text.isalnum() else SYMBOL


def _not_longer(name: str) -> str:
    """Old names need no semicolon; where a longer name begins with one, that is meant."""
    if name.endswith(";"):
        return ""
    rests = [other[len(name) :] for other in html5 if other.startswith(name) and other != name]
    return f"(?!{'|'.join(map(re.escape, sorted(rests)))})"


def _any_case(number: int) -> str:
    return "".join(
        f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in f"{number:x}"
    )
