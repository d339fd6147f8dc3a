"""The kinds of mistakes: finer than the outcomes, named by what a person would have to change.

An error is in exactly one of them: the first of these rules that holds decides, in this order.

1. Gold that no tags can say.
2. Inside a name: a part of a longer name that was read as something else.
3. Spans that were run together, or cut: predictions and gold overlap several of each other.
4. Right edges, or an overlap, with another label.
5. The right label with another start, or end, or both.
6. Missed spans, by what makes them hard.
7. Spurious spans, by what they take for a span.

Within a rule the more special class goes first, and the last one takes what no other does. The
letters and numbers in brackets are those of the annotation guidelines. Rules that read words know
the labels ACTOR, LOCATION and COUNT; spans of other labels fall into the general classes.
"""

from typing import Literal, get_args

ErrorClass = Literal[
    "untaggable",
    "number_of_name_as_count",
    "part_of_actor_as_location",
    "over_line_break",
    "joined",
    "split",
    "state_as_place",
    "place_as_state",
    "actor_as_location",
    "location_as_actor",
    "name_as_count",
    "count_as_name",
    "other_label",
    "both_edges",
    "proclitic_left_out",
    "proclitic_taken_in",
    "head_left_out",
    "head_taken_in",
    "member_taken_in",
    "approximator_taken_in",
    "words_before_left_out",
    "words_before_taken_in",
    "number_part",
    "counted_noun_left_out",
    "counted_noun_taken_in",
    "adjective_left_out",
    "adjective_taken_in",
    "coordinated_left_out",
    "coordinated_taken_in",
    "prepositional_left_out",
    "prepositional_taken_in",
    "unit_number_left_out",
    "words_behind_left_out",
    "words_behind_taken_in",
    "missed_digits",
    "missed_number_words",
    "missed_dual",
    "missed_behind_proclitic",
    "missed_met",
    "missed_new",
    "missed_other",
    "spurious_particle",
    "spurious_time",
    "spurious_measure",
    "spurious_ordinal",
    "spurious_vague",
    "spurious_without_number",
    "spurious_number",
    "back_reference",
    "nameless_party",
    "nameless_place",
    "nationality",
    "verb_as_name",
    "spurious_met",
    "word_behind_preposition",
    "spurious_other",
]

MEANINGS: dict[ErrorClass, str] = {
    "untaggable": "gold whose edges are not those of words: no tags can say it",
    "number_of_name_as_count": "the number in a name read as a COUNT (لواء المشاة 28)",
    "part_of_actor_as_location": "a part of an ACTOR's name read as a LOCATION (L7)",
    "over_line_break": "a prediction that runs over a line break",
    "joined": "several spans read as one (L4, L5)",
    "split": "one span read as several",
    "state_as_place": "a state that acts, read as a LOCATION (A7)",
    "place_as_state": "a state where something happens, read as an ACTOR (A7)",
    "actor_as_location": "another ACTOR read as a LOCATION",
    "location_as_actor": "another LOCATION read as an ACTOR",
    "name_as_count": "a name read as a COUNT",
    "count_as_name": "a COUNT read as a name",
    "other_label": "another pair of labels",
    "both_edges": "the right label, but neither start nor end",
    "proclitic_left_out": "a proclitic, or a particle, left out at the start",
    "proclitic_taken_in": "a proclitic, or a particle, taken in at the start",
    "head_left_out": "the noun of its kind left out before a name (A2, L3)",
    "head_taken_in": "the noun of its kind taken in before a name (A6, L2)",
    "member_taken_in": "a noun of members, an office or a title taken in (A3, A8)",
    "approximator_taken_in": "an approximator taken in before a number (C6)",
    "words_before_left_out": "other words left out at the start",
    "words_before_taken_in": "other words taken in at the start",
    "number_part": "a part of the number left out, or another number taken in (C4, C7)",
    "counted_noun_left_out": "the counted noun left out behind its number (C1)",
    "counted_noun_taken_in": "words taken in behind a number or its noun (C2, C8)",
    "adjective_left_out": "a direction or adjective left out at the end (L3)",
    "adjective_taken_in": "a direction or adjective taken in at the end",
    "coordinated_left_out": "a part of the name behind و left out",
    "coordinated_taken_in": "words behind و taken in (L5)",
    "prepositional_left_out": "a part of the name behind في, ب or ل left out",
    "prepositional_taken_in": "words behind في, ب or ل taken in",
    "unit_number_left_out": "the number at the end of a name left out",
    "words_behind_left_out": "other words left out at the end",
    "words_behind_taken_in": "other words taken in at the end",
    "missed_digits": "a missed COUNT in digits",
    "missed_number_words": "a missed COUNT in words",
    "missed_dual": "a missed COUNT without a number: a dual noun (C3)",
    "missed_behind_proclitic": "a missed name with a proclitic before it",
    "missed_met": "a missed name that training reports mark",
    "missed_new": "a missed name that training reports do not mark",
    "missed_other": "a missed span of which no more is known",
    "spurious_particle": "particles alone (و) read as a span",
    "spurious_time": "a date, time, duration or age read as a span",
    "spurious_measure": "a percentage, measure, price, calibre or serial number read as a COUNT",
    "spurious_ordinal": "an ordinal read as a COUNT (الثالث)",
    "spurious_vague": "an unknown amount read as a COUNT (عدة، بعض)",
    "spurious_without_number": "a word without a number read as a COUNT: mostly a plural",
    "spurious_number": "another number read as a COUNT",
    "back_reference": "a bare back-reference read as a name (التنظيم، المدينة)",
    "nameless_party": "a party without a name read as an ACTOR (مسلحون مجهولون)",
    "nameless_place": "a place without a name read as a LOCATION (شارع فرعي)",
    "nationality": "an adjective of nationality alone read as a name",
    "verb_as_name": "a verb or verbal noun read as a name",
    "spurious_met": "a name of the training reports that here is no span",
    "word_behind_preposition": "a word behind a preposition (من، في) read as a LOCATION",
    "spurious_other": "another spurious span",
}
"""What each is, in the order of the rules."""

ERROR_CLASSES: tuple[ErrorClass, ...] = get_args(ErrorClass)
