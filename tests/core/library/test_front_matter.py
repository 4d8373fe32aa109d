"""Front matter: a small subset of YAML that no document can make fail."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objlib.core.library.front_matter import front_matter, number


def block(*lines: str) -> str:
    """Front matter of these lines, and a body."""
    return "\n".join(["---", *lines, "---", "# Body", "key: not this"])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("title: On lying", "On lying"),
        ("title:   spaces  ", "spaces"),
        ('title: "a: \\"b\\" # c"', 'a: "b" # c'),
        ("title: 'it''s'", "it's"),
        ("title: plain # a comment", "plain"),
        ("title: http://x.y/z#part", "http://x.y/z#part"),
        ("title: C#", "C#"),
        ('title: "\\u00e9\\x41\\n\\U0001F600"', "\u00e9A\n\U0001f600"),
        ('title: "\\ud800"', "\ufffd"),
        ('title: "\\UFFFFFFFF"', "\ufffd"),
        ("title: 2021", 2021),
        ("title: -3", -3),
        ("title: 4.5", 4.5),
        ("title: 1.5e2", 150.0),
        ("title: 4.2", "4.2"),
        ("title: 1.10", "1.10"),
        ("title: 007", "007"),
        ("title: '2021'", "2021"),
        ("title: 16777216", 16777216),
        ("title: 16777217", "16777217"),
        ("title: 20240102", "20240102"),
        ("title: 1.5e99", "1.5e99"),
        (f"title: {'9' * 40}", "9" * 40),
        ("title: 2024-01-02", "2024-01-02"),
        ("title: true", True),
        ("title: False", False),
        ("title: yes", "yes"),
        ('title: [a, "b, c", 3, true, ~]', ["a", "b, c", 3, True]),
        ("title: [a, b,]", ["a", "b"]),
        ("title: ['x, y' , z] # c", ["x, y", "z"]),
        ('"title": quoted', "quoted"),
        ("'title' : quoted", "quoted"),
    ],
)
def test_a_value_has_the_type_it_looks_like(line: str, expected: object) -> None:
    values = front_matter(block(line, "last: 1"))
    assert values == {"title": expected, "last": 1}
    assert type(values["title"]) is type(expected)


@pytest.mark.parametrize(
    "line",
    [
        "title:",
        "title: ~",
        "title: null",
        "title: []",
        "title: # only a comment",
        "title: {a: b}",
        "title: [a, [b]]",
        "title: [a",
        "title: &anchor x",
        "title: *alias",
        "title: !!python/object x",
        "title: |\n  block\n  text",
        "title: >\n  folded",
        "title:\n  nested: mapping",
        "title:\n  - a\n  - b: c",
        'title: "open',
        "title: 'a' b",
        "title: plain\n  goes on",
        "no key here",
        ": no key",
        "[a, b]: c",
        "# a comment",
        "",
    ],
)
def test_a_value_outside_the_subset_is_left_out_alone(line: str) -> None:
    assert front_matter(block("first: 1", line, "last: 2")) == {"first": 1, "last": 2}


@pytest.mark.parametrize("indent", ["", "  "])
def test_a_list_may_have_a_line_for_each_item(indent: str) -> None:
    items = ["- one", '- "two: 2"  # c', "-   three", "- 4", "-", "# between"]
    values = front_matter(block("tags:", *(indent + item for item in items), "last: 1"))
    assert values == {"tags": ["one", "two: 2", "three", 4], "last": 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no front matter",
        "---\nkey: value\n",
        " ---\nkey: value\n---\n",
        "----\nkey: value\n---\n",
        "\n---\nkey: value\n---\n",
        "---",
        "---\n" + "x" * 70_000 + "\nkey: value\n---\n",
    ],
)
def test_a_text_without_front_matter_gives_no_values(text: str) -> None:
    assert front_matter(text) == {}


@pytest.mark.parametrize(
    "text",
    [
        "---\nkey: value\n---\n",
        "---\r\nkey: value\r\n---\r\n",
        "---  \nkey: value\n...\nbody",
        "\ufeff---\nkey: value\n---",
    ],
)
def test_the_fences_may_be_written_in_several_ways(text: str) -> None:
    assert front_matter(text) == front_matter(text.encode()) == {"key": "value"}


def test_bytes_that_are_no_utf8_are_read_as_far_as_they_go() -> None:
    assert front_matter(b"---\nkey: caf\xe9\n---\n") == {"key": "caf\ufffd"}


@settings(deadline=None)
@given(st.text() | st.binary())
def test_nothing_makes_it_fail(text: str | bytes) -> None:
    fence = "---\n" if isinstance(text, str) else b"---\n"
    front_matter(text)
    for value in front_matter(fence + text + fence).values():  # type: ignore[operator]
        assert value is not None


LINES = st.lists(st.text(alphabet="ab:-[]{}\"'#, \\|>~&*1.0\n", max_size=20), max_size=10)


@settings(deadline=None)
@given(LINES)
def test_nothing_that_looks_like_yaml_makes_it_fail(lines: list[str]) -> None:
    front_matter(block(*lines))


@pytest.mark.parametrize(
    "line",
    [
        "a" + " " * 60_000 + "b",
        "a: " + " " * 60_000 + "b",
        "a: " + "x " * 30_000,
        "a: [" + "a," * 30_000 + "]",
        "a: [" + " " * 60_000 + "x]",
        'a: ["' + "\\" * 60_000,
        "a: '" + "'" * 60_001,
        "- " * 30_000,
        "a: " + "- \n" * 20_000,
        "a: " + "9" * 60_000,
    ],
)
def test_no_line_makes_it_slow(line: str) -> None:
    began = time.process_time()
    front_matter(block(line))
    assert time.process_time() - began < 1


@settings(deadline=None)
@given(st.integers(-(2**26), 2**26))
def test_integers_become_numbers_only_where_all_around_them_do(value: int) -> None:
    assert number(str(value)) == (value if abs(value) <= 2**24 else None)
