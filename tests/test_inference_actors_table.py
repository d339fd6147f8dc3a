"""The table of actors: what is wrong with one is told by line and name, all of it at once."""

from pathlib import Path

import pytest

from annotation.problems import UserError
from inference.actors import Actor, load_actors
from inference.actors.table import COLUMNS
from inference.names.letters import name_key

HEADER = "id,name_ar,name_en,kind,aliases,valid_from,valid_to\n"


def table(tmp_path: Path, rows: str, header: str = HEADER) -> Path:
    path = tmp_path / "actors.csv"
    path.write_text(header + rows, "utf-8")
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(UserError) as raised:
        load_actors(path)
    return [line.removeprefix(f"{path}:") for line in str(raised.value).splitlines()]


def test_a_row_becomes_an_actor(tmp_path: Path) -> None:
    path = table(
        tmp_path, "x,لواء النخيل,Palms,armed group, النخيل | ألوية النخيل|اللواء?,2014-06,\n"
    )
    assert load_actors(path) == (
        Actor(
            "x",
            "لواء النخيل",
            "Palms",
            "armed group",
            ("النخيل", "ألوية النخيل"),
            ("اللواء",),
            "2014-06",
            "",
        ),
    )


def test_columns_may_stand_in_any_order_and_a_byte_order_mark_before_them(tmp_path: Path) -> None:
    path = tmp_path / "actors.csv"
    header = ",".join(reversed(COLUMNS))
    path.write_text(f"{header}\r\n,,,party,Palms,حزب النخيل,x\r\n\r\n", "utf-8-sig")
    assert load_actors(path) == (Actor("x", "حزب النخيل", "Palms", "party"),)


def test_all_problems_are_told_at_once_by_line_and_name(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "a,حزب النخيل,,party,النخيل|الأمل,,\n"
        "a,حزب السنديان,,party,,,\n"
        'b,"حزب\nالزيتون",,party,النَّخيل,,\n'
        "c,حزب الأرز,,party,,14/6/2014,\n"
        "d,حزب الصنوبر,,,,2020,2014\n"
        "e,حزب التين\n"
        "f,حزب الكرز,,party,الكرز?|الكرز|«»,,\n"
        ",حزب اللوز,,party,الأمل?,,2014-13\n",
    )
    assert problems(path) == [
        "3: id a stood first in line 2, expected once",
        "4: النَّخيل, a name of b, is one of a in line 2 (there النخيل) too; take it from one of "
        "them, or write ? behind both where both are called so",
        "6: c: valid_from is '14/6/2014', expected a date such as 2014, 2014-06 or 2014-06-29",
        "7: d: no kind; it must be given",
        "7: d: valid_to 2014 lies before valid_from 2020",
        "8: 2 cells, expected 7 as in the first line",
        "9: f: '«»' holds no letter, expected a name",
        "9: الكرز stands there with ? and without, expected one of them",
        "10: حزب اللوز: no id; it must be given",
        "10: حزب اللوز: valid_to is '2014-13', expected a date such as 2014, 2014-06 or 2014-06-29",
        "10: الأمل, a name of , is one of a in line 2 too; take it from one of them, or write ? "
        "behind both where both are called so",
    ]


def test_unknown_missing_and_repeated_columns_are_told(tmp_path: Path) -> None:
    path = table(tmp_path, "", "id,name_ar,name_en,kind,alias,valid_from,id\n")
    expected = ", ".join(COLUMNS)
    assert problems(path) == [
        f"1: unknown column 'alias'; did you mean aliases?; expected {expected}",
        "1: column id stands there 2 times, expected once",
        f"1: no column aliases; expected {expected}",
        f"1: no column valid_to; expected {expected}",
    ]


def test_a_name_may_pass_from_one_party_to_the_next(tmp_path: Path) -> None:
    rows = "a,جيش السهل,,army,الجيش,,2020-05-01\nb,جيش السهل الجديد,,army,الجيش,{},\n"
    assert len(load_actors(table(tmp_path, rows.format("2020-05-01")))) == 2
    assert len(problems(table(tmp_path, rows.format("2020-04-30")))) == 1
    assert len(problems(table(tmp_path, rows.format("")))) == 1


def test_several_may_share_a_name_that_all_mark(tmp_path: Path) -> None:
    rows = "a,جيش السهل,,army,الجيش?,,\nb,جيش الجبل,,army,{},,\n"
    assert len(load_actors(table(tmp_path, rows.format("الجيش?")))) == 2
    assert problems(table(tmp_path, rows.format("الجيش")))[0].startswith(
        "3: الجيش, a name of b, is"
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", ": is empty, expected a line with id, name_ar"),
        ("id,اسم".encode("windows-1256"), ":1: not UTF-8; save the table as CSV UTF-8"),
        (HEADER.encode() + 'a,"حزب النخيل'.encode(), ":2: not CSV: unexpected end of data"),
    ],
)
def test_what_is_no_table_is_told_in_a_line(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "actors.csv"
    path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        load_actors(path)
    assert str(raised.value).startswith(f"{path}{told}")
    assert "\n" not in str(raised.value)


def test_a_missing_table_is_told_with_those_that_rasd_brings() -> None:
    with pytest.raises(
        UserError, match=r"configs/actor.csv: no such file; Rasd brings .*actors.csv"
    ):
        load_actors("configs/actor.csv")


def test_the_table_that_rasd_brings_is_sound() -> None:
    actors = load_actors()
    assert len(actors) > 300
    assert all(actor.name_en for actor in actors)
    kinds = {actor.kind for actor in actors}
    assert {"state", "armed force", "armed group", "media", "monitor", "tribe"} <= kinds
    assert len(kinds) < 20
    for country in ("sy", "iq", "lb", "ye", "ly", "sd", "ps", "il", "tr", "ir", "us", "ru", "ml"):
        assert sum(a.id == country or a.id.startswith(f"{country}-") for a in actors) >= 2, country
    for actor in actors:
        names = [name_key(name) for name in (actor.name_ar, *actor.aliases)]
        assert all(len(key) > 1 for key in names), actor.id
