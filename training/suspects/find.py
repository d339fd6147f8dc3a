"""Files in and out: annotated reports in, the suspects among their annotations out, ranked.

`suspects.jsonl` of the output holds the reports to look at again, the one with the likeliest
mistake first, each with its annotation and, in `suspects`, what is suspected of it in words; the
predictions beside it hold what stands there if the models are right. Both go to Label Studio by
`annotation push`. `ranking.jsonl` lists the suspects one by one, `suspects.json` how they were
found.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from annotation.disagreement import KINDS
from annotation.files import open_output, write_json
from annotation.formats import ReadOptions, write_reports
from annotation.formats.jsonl import predictions_beside
from annotation.problems import UserError
from annotation.report import Report
from inference.provenance import commit, versions
from training.baseline.crf import import_crfsuite
from training.data import AnnotatedReports, read_annotated
from training.folds import fold_reports
from training.suspects.out_of_sample import FoldTagger, crf_of_fold, tag_out_of_sample
from training.suspects.suspicion import Suspect, find_suspects, suggestion

SUSPECTS = "suspects.jsonl"
RANKING = "ranking.jsonl"
RECORD = "suspects.json"
SUSPICION_FIELD = "suspicion"
"""The field of a report that holds the suspicion of its first suspect."""
SUSPECTS_FIELD = "suspects"
"""The field of a report that says what is suspected of it, a suspect a line."""


@dataclass(frozen=True, slots=True)
class SuspectSearch:
    """How to look for suspects. Raises UserError for a count below 1."""

    folds: int = 5
    count: int = 100
    """So many suspects are listed, the likeliest."""
    seed: int = 13
    """What the folds follow from."""

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UserError(f"--count {self.count}: expected 1 or more")


@dataclass(frozen=True, slots=True)
class FoundSuspects:
    """What came out of a search."""

    listed: list[Suspect]
    """The likeliest mistake first."""
    record: dict[str, Any]
    """The content of `suspects.json`."""

    @property
    def set_aside(self) -> int:
        """How many reports were not usable."""
        return int(self.record["set_aside"])

    def describe(self, shown: int = 10) -> list[str]:
        """How many there are, and the first of them, a line each."""
        record = self.record
        kinds = ", ".join(f"{record['kinds'][kind]} {kind}" for kind in KINDS)
        lines = [
            f"{record['disagreements']} disagreements in {record['reports']} reports; "
            f"the {len(self.listed)} likeliest mistakes are listed ({kinds})"
        ]
        lines += [f"{one.disagreement.document}: {one.told}" for one in self.listed[:shown]]
        if len(self.listed) > shown:
            lines.append(f"… and {len(self.listed) - shown} more in {RANKING}")
        return lines


def rank_suspects(
    folds: Sequence[Sequence[Report]], tagger_of: FoldTagger = crf_of_fold
) -> list[Suspect]:
    """All suspects of all folds, the most suspicious first."""
    found = [
        suspect
        for report, tagged in tag_out_of_sample(folds, tagger_of)
        for suspect in find_suspects(report, tagged)
    ]
    return sorted(
        found, key=lambda one: (-one.suspicion, one.disagreement.document, one.disagreement.start)
    )


def find_by_crf(
    sources: Sequence[str],
    output: Path,
    search: SuspectSearch,
    options: ReadOptions | None = None,
) -> FoundSuspects:
    """Look for likely mistakes with the CRF of `training.baseline`. Raises UserError."""
    import_crfsuite()  # What is missing is told before anything is read.
    gold = read_annotated(sources, None, options)
    return search_annotations(gold, output, search, crf_of_fold, "crf")


def search_annotations(
    gold: AnnotatedReports,
    output: Path,
    search: SuspectSearch,
    tagger_of: FoldTagger,
    model: object,
) -> FoundSuspects:
    """Look for likely mistakes in annotated reports, and write what was found into `output`.

    `model` tells in the record what `tagger_of` fits. Raises UserError.
    """
    folds = fold_reports(gold.reports, search.folds, search.seed)
    ranked = rank_suspects(folds, tagger_of)
    listed = ranked[: search.count]
    kinds = Counter(kind for one in listed for kind in one.disagreement.kinds)
    record = {
        "model": model,
        "folds": search.folds,
        "seed": search.seed,
        "gold": gold.hashes,
        "reports": len(gold.reports),
        "set_aside": gold.set_aside,
        "disagreements": len(ranked),
        "listed": len(listed),
        "kinds": {kind: kinds[kind] for kind in KINDS},
        "versions": versions(),
        "commit": commit(),
    }
    _write(listed, {report.id: report for report in gold.reports}, output)
    write_json(record, output / RECORD)
    return FoundSuspects(listed, record)


def _write(listed: Sequence[Suspect], reports: Mapping[str, Report], output: Path) -> None:
    of_report: dict[str, list[Suspect]] = {}
    for one in listed:
        of_report.setdefault(one.disagreement.document, []).append(one)
    to_look_at = [
        replace(
            reports[report_id],
            fields={
                **reports[report_id].fields,
                SUSPICION_FIELD: suspects[0].suspicion,
                SUSPECTS_FIELD: "\n".join(one.told for one in suspects),
            },
        )
        for report_id, suspects in of_report.items()
    ]
    suggested = [suggestion(reports[key], suspects) for key, suspects in of_report.items()]
    write_reports(to_look_at, output / SUSPECTS)
    write_reports(suggested, predictions_beside(output / SUSPECTS), "predictions")
    with open_output(output / RANKING) as stream:
        for rank, one in enumerate(listed, 1):
            line = {"rank": rank, **one.to_json()}
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")
