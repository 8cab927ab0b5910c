"""Records behave as the standard library's frozen dataclasses do."""

import copy
import dataclasses
import pickle

import pytest

from checks.engine.records import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    """Positional, with defaults."""

    x: int
    y: int = 2
    tags: list[str] = dataclasses.field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """By keyword only."""

    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived(Base):
    """With a field of its own, and one that has a default."""

    value: float
    unit: str = "s"

    def __post_init__(self) -> None:
        if self.value < 0:
            raise ValueError(self.unit)


@dataclasses.dataclass(frozen=True, slots=True)
class Theirs:
    """The same as Point, by the standard library."""

    x: int
    y: int = 2
    tags: list[str] = dataclasses.field(default_factory=list)


def test_it_is_made_by_position_and_by_keyword() -> None:
    assert (Point(1), Point(x=1, y=3), Point(1, 3, ["a"]).tags) == (Point(1, 2), Point(1, 3), ["a"])
    assert Derived(source="a", value=0.0) == Derived(value=0.0, source="a", unit="s")
    assert Point(1).tags is not Point(1).tags


@pytest.mark.parametrize(
    ("values", "given", "says"),
    [
        ((), {}, "Point needs x"),
        ((1, 2, [], 4), {}, "Point takes 3 positional arguments, and was given 4"),
        ((1,), {"x": 2}, "Point was given x twice"),
        ((1,), {"z": 2}, "Point has no z"),
    ],
)
def test_wrong_arguments_are_refused(values: tuple[object, ...], given: dict[str, object], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        Point(*values, **given)  # type: ignore[arg-type]


def test_what_is_by_keyword_only_is_not_taken_by_position() -> None:
    with pytest.raises(TypeError, match="Derived takes 0 positional arguments, and was given 2"):
        Derived("a", 1.0)  # type: ignore[call-arg]


def test_it_is_checked_after_it_is_made() -> None:
    with pytest.raises(ValueError, match="s"):
        Derived(source="a", value=-1.0)


def test_it_cannot_be_changed() -> None:
    point = Point(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        del point.x
    with pytest.raises(dataclasses.FrozenInstanceError):
        point.other = 2  # type: ignore[attr-defined]
    assert not hasattr(point, "__dict__")


def test_it_is_equal_by_class_and_values() -> None:
    assert Point(1) == Point(1)
    assert Point(1) != Point(2)
    other: object = Theirs(1)
    assert Point(1) != other
    assert hash(Base(source="a")) == hash(Base(source="a"))
    assert len({Derived(source="a", value=1.0), Derived(source="a", value=1.0)}) == 1


def test_it_shows_itself_as_the_standard_one_does() -> None:
    assert repr(Point(1)) == repr(Theirs(1)).replace("Theirs", "Point")


def test_the_standard_tools_take_it() -> None:
    derived = Derived(source="a", value=1.0)
    assert [field.name for field in dataclasses.fields(derived)] == ["source", "value", "unit"]
    assert dataclasses.replace(derived, value=2.0) == Derived(source="a", value=2.0)
    assert dataclasses.asdict(derived) == {"source": "a", "value": 1.0, "unit": "s"}
    assert copy.deepcopy(derived) == pickle.loads(pickle.dumps(derived)) == derived  # noqa: S301 (our own bytes)
    match Point(1, 5):
        case Point(x, y):
            assert (x, y) == (1, 5)


def test_only_frozen_and_slotted_ones_are_made() -> None:
    with pytest.raises(TypeError, match=r"take dataclasses\.dataclass"):

        @dataclass(frozen=True, slots=False)
        class _Loose:
            x: int
