"""From spans to facts: what each span of a report says, as further fields of the span.

Everything is decided by rules and tables, and each decision says on what it rests.
"""

import pickle
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from annotation.files import COMPRESSIONS, plain_suffix
from annotation.formats import ReadOptions, read_records, write_reports
from annotation.formats.jsonl import read_predictions
from annotation.formats.writing import STANDARD_OUTPUT
from annotation.ledger import Ledger
from annotation.problems import Rejection, Repair, UserError
from annotation.report import InvalidReport, Report, Span
from inference.actors import ACTORS, Actor, ActorMatcher, Clusters, Match, load_actors
from inference.actors.clusters import Cluster, short_forms
from inference.actors.matcher import group_of
from inference.names import BareName, NameReader
from inference.names.letters import name_words
from inference.numbers import Count, read_count
from inference.places import PLACES, Gazetteer, PlaceMatch, PlaceReader, load_gazetteer
from inference.statements.days import parse_day
from inference.statements.run import read_statements
from inference.statements.writing import ROW_SUFFIXES, write_rows

_WRITTEN = (".jsonl", ".ndjson")
_NEIGHBOURS = 3
"""Spans on either side that a number is read with: no range's other end, no noun is further."""


class FactReader:
    """Reads what spans say. Learn all reports of a run before reading them.

    The names met in a run tell how to read its other names, and unknown parties keep their ids
    through a run: a reader is for one run.
    """

    def __init__(self, actors: Sequence[Actor], gazetteer: Gazetteer | None = None) -> None:
        """Without a gazetteer, no places are found. Its names tell names from proclitics, too."""
        self.matcher = ActorMatcher(actors)
        places = gazetteer.names() if gazetteer is not None else ()
        self.names = NameReader(self.matcher.names(), places)
        self.places = None if gazetteer is None else PlaceReader(gazetteer)
        self._gazetteer = gazetteer
        self.clusters = Clusters()
        self.counts: Counter[tuple[str, str]] = Counter()
        """How often an ACTOR or a LOCATION was matched how, and a COUNT read or not."""

    def problems(self) -> Iterator[Rejection]:
        """The rows of the gazetteer that were left out."""
        if self._gazetteer is not None:
            yield from self._gazetteer.problems()

    def learn(self, report: Report) -> None:
        """Take in what a report tells about others of the run."""
        self.names.learn(report)

    def read(self, report: Report) -> Report:
        """The report with the facts of each span in the span's fields."""
        if not report.spans:
            return report
        names = self.names.read(report)
        actors = self._actors(report, names)
        places = self._places(report, names, actors)
        spans = []
        for number, (span, name) in enumerate(zip(report.spans, names, strict=True)):
            fields: dict[str, Any] = {}
            if name is not None:
                fields |= _name_fields(name)
            if number in actors:
                fields |= actors[number]
            elif number in places:
                fields |= places[number]
            elif span.label == "COUNT":
                beside = report.spans[max(0, number - _NEIGHBOURS) : number + _NEIGHBOURS + 1]
                fields = _count_fields(read_count(report.text, span, beside))
                self.counts["COUNT", "unread" if fields.get("reason") else "read"] += 1
            all_fields = {**span.fields, **fields}
            spans.append(Span(span.start, span.end, span.label, span.score, all_fields))
        return replace(report, spans=tuple(spans))

    def _actors(
        self, report: Report, names: Sequence[BareName | None]
    ) -> dict[int, dict[str, Any]]:
        """The fields of ACTOR spans, by the number of the span."""
        date = report_date(report)
        bare = {
            number: name.name
            for number, (span, name) in enumerate(zip(report.spans or (), names, strict=True))
            if name is not None and span.label == "ACTOR"
        }
        matches = {number: self.matcher.match(name, date) for number, name in bare.items()}
        named = {match.actor.id for match in matches.values() if match.actor is not None}
        unknown = {n: bare[n] for n, match in matches.items() if match.how == "unknown"}
        clusters = self._clusters(unknown)
        fields = {}
        for number, match in matches.items():
            if match.how == "ambiguous":
                match = self.matcher.match(bare[number], date, named)
            fields[number] = _actor_fields(match, clusters.get(number))
            self.counts["ACTOR", match.how] += 1
        return fields

    def _places(
        self,
        report: Report,
        names: Sequence[BareName | None],
        actors: Mapping[int, Mapping[str, Any]],
    ) -> dict[int, dict[str, Any]]:
        """The fields of LOCATION spans, by the number of the span."""
        if self.places is None:
            return {}
        named = {fields["actor_id"] for fields in actors.values() if fields["actor_id"]}
        countries = {group_of(one).upper() for one in named}
        matches = self.places.read(report, names, countries)
        for match in matches.values():
            self.counts["LOCATION", match.how] += 1
        return {number: _place_fields(match) for number, match in matches.items()}

    def _clusters(self, unknown: Mapping[int, str]) -> dict[int, Cluster]:
        """The clusters of a report's unknown parties, by the number of the span.

        A name of one word goes with the one longer name of the report that it is short for.
        """
        longer: dict[str, dict[str, Cluster]] = {}
        for name in unknown.values():
            for word in short_forms(name):
                cluster = self.clusters.of(name)
                longer.setdefault(word, {})[cluster.id] = cluster
        clusters = {}
        for number, name in unknown.items():
            words = name_words(name)
            meant = longer.get(words[0], {}) if len(words) == 1 else {}
            clusters[number] = (
                next(iter(meant.values())) if len(meant) == 1 else self.clusters.of(name)
            )
        return clusters


def report_date(report: Report) -> str | None:
    """The day that the report's `date` says, as ISO 8601; None where it says none."""
    day = parse_day(report.fields.get("date"))
    return None if day is None else day.isoformat()


def _name_fields(name: BareName) -> dict[str, Any]:
    return {
        "name_start": name.start,
        "name_end": name.end,
        "name": name.name,
        "proclitics": name.proclitics,
        "name_evidence": name.evidence,
    }


def _actor_fields(match: Match, cluster: Cluster | None) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "actor_id": None,
        "actor": None,
        "match": match.how,
    }
    if match.actor is not None:
        fields |= {"actor_id": match.actor.id, "actor": match.actor.name_ar}
    if match.similarity is not None:
        fields["similarity"] = match.similarity
    if match.candidates:
        fields["candidates"] = [actor.id for actor in match.candidates]
    if cluster is not None:
        fields |= {"cluster": cluster.id, "actor": cluster.name}
    return fields


def _place_fields(match: PlaceMatch) -> dict[str, Any]:
    place = match.place
    fields: dict[str, Any] = {
        "place_id": place and place.id,
        "place": place and place.name,
        "latitude": place and place.latitude,
        "longitude": place and place.longitude,
        "level": place and place.level,
        "country": place and (place.country or None),
        "relation": match.relation,
        "match": match.how,
    }
    if match.candidates:
        fields["candidates"] = [one.id for one in match.candidates]
    if match.reason is not None:
        fields["reason"] = match.reason
    return fields


def _count_fields(count: Count) -> dict[str, Any]:
    fields = asdict(count)
    if count.reason is None:
        del fields["reason"]
    return fields


@contextmanager
def open_fact_reader(
    actors: str | Path = ACTORS, places: Sequence[str | Path] = (PLACES,)
) -> Iterator[FactReader]:
    """A reader by these tables, for one run. Of `places` the most trusted gazetteer stands first.

    Raises UserError for tables that cannot be used.
    """
    known = load_actors(actors)
    with closing(load_gazetteer(places)) as gazetteer:
        yield FactReader(known, gazetteer)


def read_facts(reports: Iterable[Report], reader: FactReader) -> Iterator[Report]:
    """The reports with their facts, in their order.

    All of them are learned before the first is read: they wait in a temporary file, so that
    memory stays flat and standard input will do.
    """
    with tempfile.TemporaryFile() as waiting:
        count = 0
        for report in reports:
            reader.learn(report)
            pickle.dump(report, waiting, pickle.HIGHEST_PROTOCOL)
            count += 1
        waiting.seek(0)
        for _ in range(count):
            yield reader.read(pickle.load(waiting))


def write_facts(
    sources: Sequence[str | Path],
    output: str | Path,
    options: ReadOptions,
    *,
    predictions: str | Path | None = None,
    actors: str | Path = ACTORS,
    places: Sequence[str | Path] = (PLACES,),
) -> tuple[Ledger, Counter[tuple[str, str]]]:
    """Read `sources`, write the facts of their spans, and give the account of it.

    The spans are those of the reports, or of a predictions file, joined by id. The name of
    `output` tells what is written: reports with facts on every span, or a row a statement. Raises
    UserError, and then leaves nothing behind, where something has to be mended first.
    """
    check_output(output)
    if predictions is not None:
        options = replace(options, with_spans=False)
    records = read_records(sources, options)
    with open_fact_reader(actors, places) as reader:
        spans = None if predictions is None else read_predictions(predictions)
        with Ledger.beside(output) as ledger:
            reports: Iterable[Report] = ledger.sort(records)
            if spans is None:
                reports = _with_spans(reports, ledger)
            else:
                reports = _joined(reports, spans, str(predictions), ledger)
            write_facts_of(reports, reader, output, ledger)
        return ledger, reader.counts


def write_facts_of(
    reports: Iterable[Report], reader: FactReader, output: str | Path, ledger: Ledger
) -> int:
    """Write what the spans of `reports` say, and give the number of rows, or else of reports.

    The gazetteers' bad rows are entered in `ledger` first.
    """
    for bad in reader.problems():
        ledger.enter(bad)
    read = read_facts(reports, reader)
    if holds_rows(output):
        return write_rows(read_statements(read, ledger), output, ledger)
    return write_reports(read, output, "jsonl", ledger)


def holds_rows(output: str | Path) -> bool:
    """Whether facts are written as a row a statement under this name."""
    return str(output) != STANDARD_OUTPUT and plain_suffix(Path(output)) in ROW_SUFFIXES


def check_output(output: str | Path) -> None:
    """Raise UserError unless facts can be written under this name."""
    if str(output) == STANDARD_OUTPUT:
        return
    if plain_suffix(Path(output)) not in (*_WRITTEN, *ROW_SUFFIXES):
        raise UserError(
            f"{output}: its name does not tell what to write; expected {', '.join(_WRITTEN)} for "
            f"reports with facts, {', '.join(ROW_SUFFIXES)} for a row a statement "
            f"(also packed: {', '.join(COMPRESSIONS)})"
        )


def _with_spans(reports: Iterable[Report], ledger: Ledger) -> Iterator[Report]:
    """The reports; those that nobody has read are told, since they have no facts."""
    for report in reports:
        if report.spans is None:
            message = "it has no spans; annotate it, or give --predictions"
            ledger.enter(Repair("", None, report.id, "report without spans", message))
        yield report


def _joined(
    reports: Iterable[Report],
    predictions: Mapping[str, tuple[Span, ...]],
    file: str,
    ledger: Ledger,
) -> Iterator[Report]:
    """The reports with the spans that were predicted for them."""
    left = dict.fromkeys(predictions)
    for report in reports:
        if report.id not in predictions:
            message = f"no prediction in {file} has its id"
            ledger.enter(Repair("", None, report.id, "report without spans", message))
            yield report
            continue
        left.pop(report.id, None)
        try:
            joined = replace(report, spans=predictions[report.id])
        except InvalidReport as error:
            ledger.enter(Rejection(file, None, report.id, error.reason, str(error)))
            continue
        yield joined
    for report_id in left:
        message = "no report has its id, so its spans are left out"
        ledger.enter(Repair(file, None, report_id, "prediction without a report", message))
