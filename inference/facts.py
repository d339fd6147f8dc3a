"""From spans to facts: what each span of a report says, as further fields of the span.

Everything is decided by rules and tables, and each decision says on what it rests.
"""

import pickle
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import regex

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

_WRITTEN = (".jsonl", ".ndjson")
_ROWS = (".csv", ".parquet", ".geojson")
_DATE = regex.compile(r"\d{4}-\d\d-\d\d")


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
        self.clusters = Clusters()
        self.counts: Counter[tuple[str, str]] = Counter()
        """How often an ACTOR or a LOCATION was matched how, and a COUNT read or not."""

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
                fields = _count_fields(read_count(report.text, span, report.spans))
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
    date = report.fields.get("date")
    found = _DATE.match(date) if isinstance(date, str) else None
    return found.group() if found else None


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
        "country": place and place.country,
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
    """Read `sources`, write them with the facts of their spans, and give the account of it.

    The spans are those of the reports, or of a predictions file, joined by id. Of `places`, the
    most trusted gazetteer stands first; its bad rows are told and left out. Raises UserError,
    and then leaves nothing behind, where something has to be mended first.
    """
    check_output(output)
    if predictions is not None:
        options = replace(options, with_spans=False)
    records = read_records(sources, options)
    gazetteer = load_gazetteer(places)
    reader = FactReader(load_actors(actors), gazetteer)
    spans = None if predictions is None else read_predictions(predictions)
    with closing(gazetteer), Ledger.beside(output) as ledger:
        for bad in gazetteer.problems():
            ledger.enter(bad)
        reports: Iterable[Report] = ledger.sort(records)
        if spans is None:
            reports = _with_spans(reports, ledger)
        else:
            reports = _joined(reports, spans, str(predictions), ledger)
        write_reports(read_facts(reports, reader), output, "jsonl", ledger)
    return ledger, reader.counts


def check_output(output: str | Path) -> None:
    """Raise UserError unless facts can be written under this name."""
    if str(output) == STANDARD_OUTPUT:
        return
    suffix = plain_suffix(Path(output))
    if suffix in _ROWS:
        raise UserError(
            f"{output}: facts are not written as {suffix[1:]} rows yet; "
            f"give a name that ends in {_WRITTEN[0]}"
        )
    if suffix not in _WRITTEN:
        raise UserError(
            f"{output}: its name does not tell what to write; expected "
            f"{', '.join(_WRITTEN)} (also packed: {', '.join(COMPRESSIONS)})"
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
