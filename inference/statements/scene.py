"""A sentence with what its words say: verbs, whose deeds they tell, and places in chains."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from inference.statements.event_words import EventKind
from inference.statements.items import Item
from inference.statements.lexicon import (
    ADMINISTRATIVE,
    ATTRIBUTION,
    CLAUSE_WORDS,
    DEEDS,
    HOLDINGS,
    LINKS,
    MEMBERS,
    PREPOSITIONS,
    THAT,
    TIME_WORDS,
    Role,
    is_ambiguous,
    is_one_of,
    looks_like_verb,
    role_of,
)

QUOTES = frozenset("\"«»“”'’‘()[]*#_ـ")
DEED_KINDS = frozenset(("attacks", "operations", "strikes", "shells"))
"""Kinds of counted deeds: the party behind such a number did them."""
_HARD = frozenset(":؛;\n|•")
_BEFORE_AND_AFTER = frozenset(("بعد", "قبل", "عقب", "وبعد"))
_LOOK_BACK = 24
_LOOK_AHEAD = 8
_SUBJECT_WORDS = 6
_VERBAL: frozenset[Role] = frozenset(("act", "undergo", "lose", "cause", "report", "move"))


class Deed(NamedTuple):
    """Somebody's deed: where it is told, and the items of who did it."""

    at: int
    actors: tuple[int, ...]
    is_verb: bool


class Chain(NamedTuple):
    """Places told together: where, and the larger places around them, by the index of the item."""

    first: int
    last: int
    where: tuple[int, ...]
    within: tuple[int, ...]


class Scene:
    """A sentence that was looked through once."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        self.roles: list[Role | None] = [
            role_of(item.raw) if item.kind == "word" else None for item in items
        ]
        self.chains = list(self._chains())
        self.events: dict[int, EventKind] = {}
        """The kinds of what is told without a number, by the item; whoever finds them tells."""
        self.deeds = [deed for at in range(len(items)) if (deed := self._deed_at(at))]
        self._deed_places = [deed.at for deed in self.deeds]

    def is_hard_stop(self, at: int) -> bool:
        """Whether a sign ends what hangs together: a colon, a semicolon, a bullet."""
        item = self.items[at]
        return item.kind == "sign" and item.raw in _HARD and not self._is_of_time(at)

    def _is_of_time(self, at: int) -> bool:
        """Whether a colon stands in a time of day: بين الساعة 2:15 و5:40."""
        if self.items[at].raw != ":" or not 0 < at < len(self.items) - 1:
            return False
        before, behind = self.items[at - 1], self.items[at + 1]
        return (
            before.end == behind.start - 1
            and before.raw[-1:].isdecimal()
            and behind.raw.isdecimal()
        )

    def is_break(self, at: int) -> bool:
        """Whether a new clause begins there: a verb behind و or ف, فيما and the like."""
        item = self.items[at]
        if item.kind != "word":
            return False
        if item.word in CLAUSE_WORDS:
            return True
        if item.word in _BEFORE_AND_AFTER:
            return at + 1 < len(self.items) and self.roles[at + 1] is not None
        # وقعت and وصلت begin with a letter of their own.
        return self._is_conjoined(at) and self.is_verb(at)

    def is_verb(self, at: int) -> bool:
        """Whether a word is a verb, not a verbal noun."""
        return self.roles[at] in _VERBAL and looks_like_verb(self.items[at].raw)

    def adds_to_toll(self, at: int) -> bool:
        """Whether a verb goes on with the toll before it: وأصيب, وجرح, وأسفر.

        Without vowel signs وقتل may be active: it is where somebody is named as its subject.
        """
        role = self.roles[at]
        if role in ("undergo", "undergo_noun", "cause"):
            return True
        return role == "act" and is_ambiguous(self.items[at].raw) and not self.tells_deed(at)

    def tells_deed(self, at: int) -> bool:
        """Whether a deed with a name behind it is told there."""
        place = bisect_left(self._deed_places, at)
        return place < len(self.deeds) and self.deeds[place].at == at

    def is_joined(self, at: int) -> bool:
        """Whether و joins the item to what stands before, be it part of its span or not."""
        return self.items[at].is_joined or (at > 0 and self.items[at - 1].word == "و")

    def what(self, at: int) -> str | None:
        """What the number at `at` counts, or what kind of event the word is."""
        if at in self.events:
            return self.events[at]
        span = self.items[at].span
        what = span.fields.get("what") if span is not None else None
        return what if isinstance(what, str) else None

    def governor(self, at: int) -> int | None:
        """The verb or verbal noun that the number at `at` hangs on: before it, else behind it."""
        paused = False
        for j in range(at - 1, max(-1, at - _LOOK_BACK), -1):
            paused = paused or self.items[j].raw in ("،", ",")
            if self.is_hard_stop(j) or (
                self.items[j].kind == "word" and self.items[j].word in THAT
            ):
                break
            # 33 بالقصف، و11: what the number before was killed by is not told of this one.
            of_another = paused and self.items[j].word.startswith("بال")
            if self.roles[j] not in (None, "report") and not of_another:
                return j
        for j in range(at + 1, min(len(self.items), at + _LOOK_AHEAD)):
            item = self.items[j]
            if item.kind in ("sign", "COUNT") and item.raw not in QUOTES:
                return None
            if self.is_verb(j) and self.roles[j] != "report":
                return j
        return None

    def deeds_around(self, at: int) -> tuple[list[Deed], list[Deed]]:
        """The nearest deeds before (nearest first) and behind an item, a few of each."""
        middle = bisect_left(self._deed_places, at)
        return self.deeds[max(0, middle - 3) : middle][::-1], self.deeds[middle : middle + 3]

    def is_bare(self, at: int) -> bool:
        """Whether no preposition or source stands before the name at `at`."""
        item = self.items[at]
        if item.proclitics not in ("", "و", "ف"):
            return False
        before = self.word_before(at)
        return not (before and (is_one_of(before, PREPOSITIONS) or is_one_of(before, ATTRIBUTION)))

    def joined_actors(self, at: int) -> tuple[int, ...]:
        """The actor at `at` and those that و joins to it, short forms in brackets left out."""
        found = [at]
        words = 0
        for j in range(at + 1, min(len(self.items), at + 12)):
            item = self.items[j]
            if item.kind == "ACTOR":
                if item.is_joined and words <= 2:
                    found.append(j)
                    words = 0
                elif not self._in_brackets(j):
                    break
            elif item.kind == "word":
                words += 1
                if words > 2 or self.roles[j] is not None or is_one_of(item.word, PREPOSITIONS):
                    break
            elif item.kind in ("LOCATION", "COUNT") or item.raw not in QUOTES | {"،", ","}:
                break
        return tuple(found)

    def subject_after(self, at: int) -> tuple[int, ...] | None:
        """The actors that are the subject of the verb at `at`, where they stand behind it.

        Empty where somebody without a name is; None where there is no subject behind it.
        """
        nouns = 0
        member = holding = False
        for j in range(at + 1, min(len(self.items), at + 2 + _SUBJECT_WORDS)):
            item = self.items[j]
            if item.kind == "ACTOR":
                proclitics = item.proclitics
                linked = member and proclitics in ("", "ل")
                actors = self.joined_actors(j)
                if holding and proclitics == "" and self._has_object(actors[-1]):
                    return actors
                if holding or not (proclitics == "" or linked) or nouns > 2 + member:
                    return () if nouns else None
                return actors
            if item.kind == "sign":
                if item.raw in QUOTES:
                    continue
                break
            if item.kind == "LOCATION":
                if item.proclitics[:1] == "ب" or self.word_before(j) == "في":
                    continue
                break
            if item.kind == "COUNT" or self.roles[j] is not None:
                break
            word = item.word
            if is_one_of(word, TIME_WORDS) or word in ("في", "قد", "ايضا"):
                continue
            if "تابع" in word and nouns:
                member = True
                continue
            if is_one_of(word, PREPOSITIONS) or word in LINKS:
                if member and word in LINKS:
                    continue
                break
            member = member or is_one_of(word, MEMBERS)
            if (nouns or not member) and is_one_of(word, HOLDINGS):
                holding = True
            nouns += 1
        return () if nouns else None

    def _has_object(self, actor: int) -> bool:
        """Whether the number right behind an actor is what a verb does its deed to."""
        following = self.items[actor + 1] if actor + 1 < len(self.items) else None
        return (
            following is not None
            and following.kind == "COUNT"
            and following.proclitics in ("", "و")
        )

    def subject_before(self, at: int) -> tuple[int, ...]:
        """The actors right before the verb at `at` where they are its subject: قسد تعتقل."""
        if self.items[at].word[0] == "و" and self._is_conjoined(at):
            return ()
        found: list[int] = []
        for j in range(at - 1, max(-1, at - 8), -1):
            item = self.items[j]
            if item.kind == "ACTOR":
                if self._in_brackets(j):
                    continue
                if not (self.is_bare(j) or self._is_affiliated(j)):
                    return ()
                found.append(j)
                if not item.is_joined:
                    break
            elif item.word in ("قد", "لقد"):
                continue
            elif item.kind != "sign" or item.raw not in QUOTES:
                break
        return tuple(reversed(found))

    def _is_affiliated(self, at: int) -> bool:
        """Whether the name is what a subject belongs to: فرق الهندسة التابعة للفرقة 64."""
        return self.items[at].proclitics == "ل" and "تابع" in (self.word_before(at) or "")

    def genitive_after(self, at: int) -> tuple[int, ...]:
        """The actors whose deed the noun at `at` tells: قصف مدفعي لقوات النظام."""
        for j in range(at + 1, min(len(self.items), at + 7)):
            item = self.items[j]
            if item.kind == "ACTOR":
                before = None if j == at + 1 else self.word_before(j)
                bound = item.proclitics in ("", "ل") and not (
                    before
                    and (is_one_of(before, PREPOSITIONS) or is_one_of(before, HOLDINGS))
                    and before != "بين"
                )
                return self.joined_actors(j) if bound else ()
            if item.kind == "sign" and item.raw in QUOTES:
                continue
            if self.items[at].kind == "COUNT" and item.word == "بين":
                continue  # 14 عملية مشتركة بين قسد والتحالف
            if item.kind != "word" or is_one_of(item.word, PREPOSITIONS):
                return ()
            if (self.roles[j] is not None and not is_one_of(item.word, DEEDS)) or (
                item.word[0] == "و" and is_one_of(item.word, DEEDS)
            ):
                return ()
        return ()

    def _deed_at(self, at: int) -> Deed | None:
        item = self.items[at]
        if item.kind == "COUNT" and self.what(at) in DEED_KINDS:
            actors = self.genitive_after(at)
            return Deed(at, actors, False) if actors else None
        if item.kind != "word":
            return None
        role = self.roles[at]
        if role == "act" and self.is_verb(at):
            found = self.subject_after(at)
            found = self.subject_before(at) if found is None else found
            if found:
                return Deed(at, found, True)
        if is_one_of(item.word, DEEDS):
            actors = self.genitive_after(at)
            if actors:
                return Deed(at, actors, False)
        return None

    def _chains(self) -> list[Chain]:
        chains = []
        at = 0
        while at < len(self.items):
            if self.items[at].kind != "LOCATION":
                at += 1
                continue
            chain = self._chain_from(at)
            chains.append(chain)
            at = chain.last + 1
        return chains

    def _chain_from(self, first: int) -> Chain:
        where, within = [first], list[int]()
        last = first
        pause, words, joined = False, 0, False
        for j in range(first + 1, len(self.items)):
            item = self.items[j]
            if item.kind == "LOCATION":
                if (item.is_joined or joined) and (not within or pause):
                    where.append(j)
                elif item.is_joined or joined:
                    within.append(j)
                elif pause and not words and not within and item.proclitics == "":
                    where.append(j)
                else:
                    within.append(j)
                last, pause, words, joined = j, False, 0, False
            elif item.kind == "word":
                words += 1
                # في بلدة الشحيل وقرية الصبحة
                joins = item.word[0] == "و" and item.word[1:] in ADMINISTRATIVE
                joined = joined or joins
                if words > 3 or not (joins or item.word in ADMINISTRATIVE):
                    break
            elif item.raw in ("،", ",", "-", "–", "/"):
                pause = True
            elif item.kind != "sign" or item.raw not in QUOTES:
                break
        return Chain(first, last, tuple(where), tuple(within))

    def word_before(self, at: int) -> str | None:
        """The folded word right before an item, quotation marks passed over; None for a span."""
        for j in range(at - 1, -1, -1):
            item = self.items[j]
            if item.kind == "sign" and item.raw in QUOTES:
                continue
            return item.word if item.kind == "word" else None
        return None

    def _in_brackets(self, at: int) -> bool:
        return at > 0 and self.items[at - 1].raw == "("

    def _is_conjoined(self, at: int) -> bool:
        """Whether the و or ف that a verb begins with is a conjunction: وقتلت, not وصلت."""
        word = self.items[at].word
        return (
            word[0] in "وف"
            and len(word) > 3
            and self.roles[at] is not None
            and role_of(word[1:]) is not None
        )
