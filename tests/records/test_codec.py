"""Records to JSON and back. Expected documents and messages are written out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest

from mtnlg.errors import ArtifactError
from mtnlg.records.codec import decode, encode, key, read_record, write_record
from mtnlg.records.files import JsonObject, read_json


@dataclass(frozen=True, slots=True)
class Wheel:
    """A part of a record."""

    size: float
    num_spokes: int | None = None


@dataclass(frozen=True, slots=True)
class Bicycle:
    """A record with everything that a record may have."""

    owner: str
    kind: Literal["road", "city"]
    num_wheels: int = field(metadata=key("n"))
    wheels: tuple[Wheel, ...] = ()
    prices: Mapping[str, int | float] = field(default_factory=dict)
    bought: datetime | None = None


BICYCLE = Bicycle(
    "Ada",
    "road",
    2,
    (Wheel(28.0), Wheel(26.5, 32)),
    {"new": 900, "now": 120.5},
    datetime(2026, 5, 1, 10, 0, tzinfo=UTC),
)
DOCUMENT: JsonObject = {
    "owner": "Ada",
    "kind": "road",
    "n": 2,
    "wheels": [{"size": 28.0}, {"size": 26.5, "num_spokes": 32}],
    "prices": {"new": 900, "now": 120.5},
    "bought": "2026-05-01T10:00:00+00:00",
}


def test_record_is_encoded_by_its_keys_without_defaults() -> None:
    assert encode(BICYCLE) == DOCUMENT
    assert encode(Bicycle("Bo", "city", 1)) == {"owner": "Bo", "kind": "city", "n": 1}


def test_record_comes_back_with_whole_numbers_whole() -> None:
    back = decode(DOCUMENT, Bicycle)

    assert back == BICYCLE
    assert [type(price) for price in back.prices.values()] == [int, float]


def test_unknown_keys_of_a_later_version_are_ignored() -> None:
    assert decode(DOCUMENT | {"colour": "red"}, Bicycle) == BICYCLE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": "two"}, "Expected `int`, got `str` - at `$.n`"),
        ({"n": True}, "Expected `int`, got `bool` - at `$.n`"),
        ({"n": 2.0}, "Expected `int`, got `float` - at `$.n`"),
        ({"owner": None}, "Expected `str`, got `null` - at `$.owner`"),
        ({"kind": "tandem"}, "Invalid enum value 'tandem' - at `$.kind`"),
        ({"wheels": [{"size": 28}, {}]}, "missing required field `size` - at `$.wheels[1]`"),
        ({"wheels": [{"size": "28"}]}, "Expected `float`, got `str` - at `$.wheels[0].size`"),
        ({"bought": "yesterday"}, "Invalid RFC3339 encoded datetime - at `$.bought`"),
    ],
)
def test_wrong_field_is_named_by_its_path(changes: JsonObject, message: str) -> None:
    with pytest.raises(ArtifactError) as caught:
        decode(DOCUMENT | changes, Bicycle)

    assert message in str(caught.value)


def test_missing_field_is_named_as_in_the_file() -> None:
    with pytest.raises(ArtifactError, match=r"^Object missing required field `n`$"):
        decode({"owner": "Ada", "kind": "road"}, Bicycle)


def test_location_begins_with_that_of_the_value() -> None:
    with pytest.raises(ArtifactError, match=r"got `str` - at `\$\.garage\.first\.n`$"):
        decode(DOCUMENT | {"n": "two"}, Bicycle, at="$.garage.first")


def test_file_comes_back_and_a_broken_one_is_named_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "bicycle.json"

    write_record(path, BICYCLE)

    assert read_json(path) == {"schema_version": 1, **DOCUMENT}
    assert read_record(path, Bicycle) == BICYCLE
    path.write_text('{"owner": 3}', "utf-8")
    with pytest.raises(ArtifactError) as caught:
        read_record(path, Bicycle, remedy="buy another")
    assert str(caught.value) == (f"{path}: Expected `str`, got `int` - at `$.owner`; buy another")
