"""Reads the bare names of a report: from what is known first, and guesses last."""

from collections.abc import Iterable
from typing import NamedTuple

from annotation.report import Report, Span
from inference.names.bare_name import BareName, Evidence
from inference.names.known_words import known_words
from inference.names.letters import ARTICLE, folded, name_key
from inference.names.mention import Mention, Reading, first_word
from inference.names.met_names import SHORTEST_IN_RUN, MetNames
from inference.names.proclitics import LETTERS
from inference.names.surroundings import PARTS_OF_PLACES, neighbour

NAMED = ("ACTOR", "LOCATION")
"""The labels whose spans are names."""

_SHORTEST_BEHIND_ARTICLE = 2
_KEPT_DECISIONS = 1_000_000
_QUOTATION_MARKS = "\"'«»“”()"
_CLOSING = "\"'»”’)،"
_ALIF = "ا"


class _Decision(NamedTuple):
    reading: Reading
    evidence: Evidence


class NameReader:
    """Knows names from tables and from what it has met, and reads spans by them."""

    def __init__(self, names: Iterable[str] = (), places: Iterable[str] = ()) -> None:
        """`names` are those of tables, written without proclitics, `places` those of gazetteers.

        Of `names` the first words are known as well; of places there are so many that their words
        are found in any other name: رقان in فرقان أوغلو.
        """
        names, places = list(names), list(places)
        self._names = frozenset(map(name_key, [*names, *places]))
        self._spelt = frozenset(map(folded, [*names, *places]))
        firsts = (first_word(name.strip(_QUOTATION_MARKS)) for name in names)
        self._words = known_words().union(folded(word) for word in firsts if word)
        self._run = MetNames(SHORTEST_IN_RUN)
        self._decided: dict[str, _Decision | None] = {}

    def learn(self, report: Report) -> None:
        """Take in what the names of a report tell about those of others of the run."""
        self._run.update(self._met_in(report))

    def read(self, report: Report) -> list[BareName | None]:
        """The bare names of the report's spans, in their order; None for a COUNT and the like."""
        met = self._met_in(report)
        return [
            self._read_span(report, number, met) if span.label in NAMED else None
            for number, span in enumerate(report.spans or ())
        ]

    def _met_in(self, report: Report) -> MetNames:
        met = MetNames()
        for number, span in enumerate(report.spans or ()):
            if span.label not in NAMED:
                continue
            covered = report.text[span.start : span.end]
            if covered[0] not in LETTERS:
                met.add(covered)
                continue
            mention = Mention(covered)
            decision = self._surely(mention, report, number)
            # Of a word that is known already nothing is learned.
            if decision is not None and decision.evidence != "word":
                met.add(decision.reading.word + mention.rest)
        return met

    def _read_span(self, report: Report, number: int, in_report: MetNames) -> BareName:
        span = (report.spans or ())[number]
        covered = report.text[span.start : span.end]
        if covered[0] not in LETTERS:
            return BareName(span.start, span.end, covered, "", "letter")
        mention = Mention(covered)
        decision = self._surely(mention, report, number)
        if decision is None and (reading := in_report.read(mention)):
            decision = _Decision(reading, "report")
        if decision is None and (reading := self._run.read(mention)):
            decision = _Decision(reading, "run")
        return _bare_name(span, mention, decision or _Decision(_guess(mention), "guess"))

    def _surely(self, mention: Mention, report: Report, number: int) -> _Decision | None:
        """What is known of the mention, or what stands before it tells."""
        spans = report.spans or ()
        start = spans[number].start
        known = self._known(mention)
        # A whole name of a table, and the article, are surer than any neighbour.
        if known is not None and (
            known.evidence != "word"
            or not known.reading.prefix
            or known.reading.word in PARTS_OF_PLACES
        ):
            return known
        said = neighbour(report.text, start)
        if said == "rules_out" or (said == "rules_out_and" and mention.word[0] in "وف"):
            return _Decision(mention.whole, "context")
        if known is not None:
            return known
        if said == "makes_unlikely":
            return _Decision(mention.whole, "context")
        if mention.word[0] == "و" and number and spans[number - 1].label == spans[number].label:
            joined = mention.reading("و")
            between = report.text[spans[number - 1].end : start]
            if joined is not None and between.strip(_CLOSING) in (" ", ""):
                return _Decision(joined, "context")
        return None

    def _known(self, mention: Mention) -> _Decision | None:
        """What tables, words and the article tell, whatever stands around the mention."""
        if mention.covered not in self._decided:
            # Mentions repeat, but an archive has ever new ones.
            if len(self._decided) >= _KEPT_DECISIONS:
                self._decided.clear()
            self._decided[mention.covered] = self._decide(mention)
        return self._decided[mention.covered]

    def _decide(self, mention: Mention) -> _Decision | None:
        if mention.word not in self._words and (set_off := mention.set_off):
            return _Decision(set_off, "letter")
        if mention.key in self._names:
            return _Decision(mention.whole, "table")
        if reading := self._of_table(mention):
            return _Decision(reading, "table")
        if reading := _before_kunya(mention):
            return _Decision(reading, "word")
        if mention.word in self._words:
            return _Decision(mention.whole, "word")
        for reading in mention.readings:
            if reading.word in self._words and not reading.prefix.endswith("ل"):
                return _Decision(reading, "word")
        if reading := self._behind_lam(mention):
            return _Decision(reading, "word")
        behind_article = _behind_article(mention)
        return behind_article and _Decision(behind_article, "article")

    def _of_table(self, mention: Mention) -> Reading | None:
        """The reading that leaves a name of a table."""
        readings = [one for one in mention.readings if mention.key_as(one) in self._names]
        # Keys know no article: whether للجنة الدولية has one, the table's spelling tells.
        spelt = [one for one in readings if folded(one.word + mention.rest) in self._spelt]
        return next(iter(spelt or readings), None)

    def _behind_lam(self, mention: Mention) -> Reading | None:
        """Of a word with ل, which may have swallowed an alif: للبنان, للرقة, للجنة."""
        plain: list[Reading] = []
        swallowed: list[Reading] = []
        for reading in mention.readings:
            if reading.prefix.endswith("ل"):
                word = reading.word.removeprefix(ARTICLE) if reading.swallowed else reading.word
                if word in self._words:
                    (swallowed if reading.swallowed else plain).append(reading)
        if plain and (not swallowed or not _is_definite(mention)):
            return plain[0]
        return swallowed[-1] if swallowed else None


def _before_kunya(mention: Mention) -> Reading | None:
    """The reading of وأم نزار, which is no وام."""
    if mention.is_one_word:
        return None
    for reading in mention.readings:
        if reading.swallowed or reading.word not in _KUNYAS:
            continue
        if mention.raw[mention.places[len(reading.prefix)]] == "أ":
            return reading
    return None


def _behind_article(mention: Mention) -> Reading | None:
    for reading in mention.readings:
        behind = reading.word.removeprefix(ARTICLE)
        has_article = behind != reading.word and len(behind) >= _SHORTEST_BEHIND_ARTICLE
        # Two lams behind a swallowed alif would be those of للجنة, whose word would be known.
        if has_article and not (reading.swallowed and behind.startswith("ل")):
            return reading
    return None


_KUNYAS = frozenset(map(folded, ["أبو", "أبا", "أبي", "أم"]))
_AGREEING = frozenset(
    map(
        folded,
        [
            *("الأول", "الأولى", "الثاني", "الثانية", "الثالث", "الثالثة", "الرابع", "الرابعة"),
            *("الخامس", "الخامسة", "السادس", "السادسة", "السابع", "السابعة", "الثامن", "الثامنة"),
            *("التاسع", "التاسعة", "العاشر", "العاشرة", "المشتركة", "العليا", "العامة", "الدائمة"),
        ],
    )
)
"""Second words that follow a first one with the article, besides adjectives in ي and ية."""


def _is_definite(mention: Mention) -> bool:
    """Whether the second word agrees with a first one that has the article: للجنة الدولية."""
    word = mention.second_word
    adjective = word.startswith(ARTICLE) and word.endswith(("يه", "ي"))
    return adjective or word in _AGREEING or word.isdecimal()


def _guess(mention: Mention) -> Reading:
    """What is likelier where nothing is known: names seldom begin with و, often with ب, ف or ك."""
    first = mention.word[0]
    reading = mention.reading(first)
    if reading is None:
        return mention.whole
    second = mention.raw[mention.places[1]]
    strips = {
        # ويليام, وايت: of other languages. But وأطمة.
        "و": second not in ("ا", "ي"),
        # لوفتهانزا, ليوبليانا, لارس: of other languages.
        "ل": second not in ("ا", "ي", "و"),
    }.get(first, False)
    # ببرشلونة: two of one letter at the beginning of a name are rare.
    return reading if strips or mention.word[1] == first else mention.whole


def _bare_name(span: Span, mention: Mention, decision: _Decision) -> BareName:
    reading = decision.reading
    count = len(reading.prefix)
    start = span.start + (mention.places[count] if count else 0)
    name = mention.covered[start - span.start :]
    if reading.swallowed:
        # للرقة has one lam left for الرقة, للجنة (of اللجنة) none.
        name = (_ALIF if reading.word == _ALIF + mention.word[count:] else ARTICLE) + name
    return BareName(start, span.end, name, reading.prefix, decision.evidence)
