"""The values that a pattern takes from a path."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objlib.core.errors import UsageError
from objlib.core.library.patterns import parse_pattern, parse_patterns

COURSES = "{course}/Year {year}/{quarter}/{lecture}.txt"


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        (
            COURSES,
            "Ethics/Year 2021/Q1/On lying.v2.txt",
            {"course": "Ethics", "year": "2021", "quarter": "Q1", "lecture": "On lying.v2"},
        ),
        (COURSES, "Ethics/year 2021/Q1/a.txt", None),
        (COURSES, "Ethics/Year 2021/a.txt", None),
        (COURSES, "Ethics/Year 2021/Q1/more/a.txt", None),
        (COURSES, "x/Ethics/Year 2021/Q1/a.txt", None),
        (COURSES, "Ethics/Year /Q1/a.txt", None),
        ("{a}-{b}.md", "x-y-z.md", {"a": "x-y", "b": "z"}),
        ("{a}-{b}.md", "x--.md", {"a": "x", "b": "-"}),
        ("{a}-{b}.md", "-x.md", None),
        ("**/{a}.md", "x.md", {"a": "x"}),
        ("**/{a}.md", "q/r/x.md", {"a": "x"}),
        ("**/notes/{a}.md", "q/notes/x.md", {"a": "x"}),
        ("**/notes/{a}.md", "q/other/x.md", None),
        ("caf\u00e9/{a}", "caf\u00e9/x", {"a": "x"}),
        ("cafe\u0301/{a}", "caf\u00e9/x", {"a": "x"}),
        ("a.c/{x}", "abc/1", None),
    ],
)
def test_a_pattern_covers_a_whole_path(pattern: str, path: str, expected: dict[str, str] | None) -> None:
    assert parse_pattern(pattern).match(path) == expected


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "relative"),
        ("/{a}", "relative"),
        ("{a}/", "relative"),
        ("{a}//{b}", "relative"),
        ("../{a}", "relative"),
        ("{a", "stray {"),
        ("a}/{b}", "stray }"),
        ("{}", "stray {"),
        ("{1st}", "stray {"),
        ("{a b}", "stray {"),
        ("{a}{b}", "nothing separates"),
        ("{a}/{a}", "twice"),
        ("{a}/**/{b}", r"\* has a meaning only"),
        ("*.{a}", r"\* has a meaning only"),
        ("plain.txt", "names nothing"),
        ("{objlib_id}/x", "reserved"),
        ("{objlib_sha256}", "reserved"),
    ],
)
def test_a_malformed_pattern_is_named(pattern: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        parse_patterns(["{fine}", pattern])
    assert repr(pattern) in str(caught.value)
    assert "\n" not in str(caught.value)


LITERALS = st.text(alphabet="ab-", max_size=2)
NAMES = st.sampled_from(["n1", "n2", "n3"])


@st.composite
def components(draw: st.DrawFn) -> tuple[str, str]:
    """A component of a pattern, and the regular expression that means the same."""
    pattern, expression = draw(LITERALS), ""
    expression = re.escape(pattern)
    for number in range(draw(st.integers(0, 3))):
        literal = draw(LITERALS.filter(bool)) if number < 3 else draw(LITERALS)
        pattern += f"{{n{number}}}{literal}"
        expression += f"(?P<n{number}>[^/]+){re.escape(literal)}"
    return pattern, expression


@settings(deadline=None)
@given(components(), st.text(alphabet="ab-", max_size=12))
def test_names_match_as_in_a_greedy_regular_expression(component: tuple[str, str], text: str) -> None:
    pattern, expression = component
    match = re.fullmatch(expression, text)
    expected = None if match is None else {"dir": "d", **match.groupdict()}
    if pattern:
        assert parse_pattern("{dir}/" + pattern).match(f"d/{text}") == expected


def test_no_path_makes_it_slow() -> None:
    pattern = parse_pattern("-".join(f"{{n{number}}}" for number in range(30)))
    assert pattern.match("-" * 200_000 + "/") is None
    assert pattern.match("-" * 20) is None
