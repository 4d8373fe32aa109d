"""Front matter: YAML as plain values, which no document can make fail."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objlib.core.library.front_matter import FrontMatter, Scalar, front_matter, number, split


def read(head: bytes | str) -> dict[str, Scalar | list[Scalar]]:
    return front_matter(head).values


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
        ("title: On lying: a study # c", "On lying: a study"),
        ("title: plain\n  goes on", "plain goes on"),
        ("title: >\n  folded\n  text", "folded text\n"),
        ("title: |\n  block\n  text", "block\ntext\n"),
        ("title: &anchor x", "x"),
        ("title: [a,\n  b]", ["a", "b"]),
        ("title: &l [a, b]", ["a", "b"]),
        ('title: [a, "b, c", 3, true, ~]', ["a", "b, c", 3, True]),
        ("title: [a, b,]", ["a", "b"]),
        ("title: ['x, y' , z] # c", ["x, y", "z"]),
        ('"title": quoted', "quoted"),
        ("'title' : quoted", "quoted"),
    ],
)
def test_a_value_has_the_type_it_looks_like(line: str, expected: object) -> None:
    values = read(block(line, "last: 1"))
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
        "title: {}",
        "title: [[b]]",
        "title: [a",
        "title: *alias",
        "title: !!python/object x",
        "title: !!str 1",
        'title: "open',
        "title: 'a' b",
        'title: "\\ud800"',
        "title: " + "{a: " * 20 + "1" + "}" * 20,
        "no key here",
        ": no key",
        "[a, b]: c",
        "# a comment",
        "",
    ],
)
def test_a_value_that_cannot_be_read_is_left_out_alone(line: str) -> None:
    assert read(block("first: 1", line, "last: 2")) == {"first": 1, "last": 2}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ["author:", "  name: Ada", "  born: {year: 1815}"],
            {"author_name": "Ada", "author_born_year": 1815},
        ),
        (["author: {name: Ada}"], {"author_name": "Ada"}),
        (
            ["authors:", "- name: Ada", "  age: 36", "- name: Max"],
            {"authors_name": ["Ada", "Max"], "authors_age": [36]},
        ),
        (["a: &x one", "b: *x", "c: [*x, two]"], {"a": "one", "b": "one", "c": ["one", "two"]}),
        (["тема: логика"], {"тема": "логика"}),
        (["a: 1", "a: 2"], {"a": 2}),
    ],
)
def test_mappings_become_keys_of_one_level(lines: list[str], expected: object) -> None:
    assert read(block(*lines)) == expected


def test_what_is_left_out_is_said_with_its_reason() -> None:
    got = front_matter(
        block("a: ~", "b: [x, [y]]", "c: !mine z", "d: &l [1]", "e: *l", "f: [open", "prose", "g: 1")
    )
    assert got.values == {"b": ["x"], "d": [1], "g": 1}
    dropped = dict(line.split(": ", 1) for line in got.dropped)
    assert dropped["a"] == "it has no value"
    assert dropped["b"] == "a list inside a list is not kept"
    assert "tag !mine" in dropped["c"]
    assert "alias" in dropped["e"]
    assert "no YAML" in dropped["f"]


def test_an_alias_multiplies_nothing() -> None:
    lines = [
        "a0: &a0 [x, x, x, x, x, x, x, x]",
        *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 40)),
    ]
    assert read(block(*lines)) == {"a0": ["x"] * 8}


def test_front_matter_is_read_in_any_encoding_and_with_any_line_ends() -> None:
    text = "---\nтема: логика\ncourse: Логика\n---\n"
    expected = {"тема": "логика", "course": "Логика"}
    for encoding in ("utf-8", "utf-16", "utf-32", "cp1251", "utf-8-sig"):
        assert read(text.encode(encoding)) == expected, encoding
        assert read(text.replace("\n", "\r").encode(encoding)) == expected, encoding


@pytest.mark.parametrize("indent", ["", "  "])
def test_a_list_may_have_a_line_for_each_item(indent: str) -> None:
    items = ["- one", '- "two: 2"  # c', "-   three", "- 4", "-", "# between"]
    values = read(block("tags:", *(indent + item for item in items), "last: 1"))
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
    assert read(text) == {}


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
    assert read(text) == read(text.encode()) == {"key": "value"}


def test_bytes_that_are_no_utf8_are_read_as_far_as_they_go() -> None:
    assert read(b"---\nkey: caf\xe9\n---\n") == {"key": "caf\u00e9"}
    assert read("---\nkey: \u00e9\u00e9\u00e9\u00e9".encode() + b"\xe9\n---\n") == {
        "key": "\u00e9\u00e9\u00e9\u00e9\ufffd"
    }


@settings(deadline=None)
@given(st.text() | st.binary())
def test_nothing_makes_it_fail(text: str | bytes) -> None:
    fenced = f"---\n{text}---\n" if isinstance(text, str) else b"---\n" + text + b"---\n"
    read(text)
    for value in read(fenced).values():
        assert value is not None


LINES = st.lists(st.text(alphabet="ab:-[]{}\"'#, \\|>~&*1.0\n", max_size=20), max_size=10)


@settings(deadline=None)
@given(LINES)
def test_nothing_that_looks_like_yaml_makes_it_fail(lines: list[str]) -> None:
    read(block(*lines))


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
        "a: " + "[" * 60_000,
        "a: " + "{a: " * 15_000,
        "a: [\n" + "a:\n" * 20_000,
        "? " * 30_000,
        "a: " + "- \n" * 20_000,
        "a: " + "9" * 60_000,
    ],
)
def test_no_line_makes_it_slow(line: str) -> None:
    began = time.process_time()
    read(block(line))
    assert time.process_time() - began < 1


@settings(deadline=None)
@given(st.integers(-(2**26), 2**26))
def test_integers_become_numbers_only_where_all_around_them_do(value: int) -> None:
    assert number(str(value)) == (value if abs(value) <= 2**24 else None)


def test_front_matter_that_is_no_yaml_has_a_bound_on_its_keys() -> None:
    lines = ["broken: [", *(f"key{number}: {number}" for number in range(900))]
    matter = front_matter("\n".join(["---", *lines, "---", ""]))
    assert 400 < len(matter.values) < 500


@pytest.mark.parametrize(
    ("text", "values", "dropped"),
    [
        (
            "---\na: 1\nb: 2\na: 3\n---\n",
            {"a": 3, "b": 2},
            ("a: it is there more than once, and the last one counts",),
        ),
        (
            "---\nm:\n  a: x\n  a: y\n---\n",
            {"m_a": "y"},
            ("m_a: it is there more than once, and the last one counts",),
        ),
        (
            "---\nt: a: b\na: 1\na: 2\n---\n",
            {"t": "a: b", "a": 2},
            ("a: it is there more than once, and the last one counts",),
        ),
        ("---\nx: &x [1, [2], [3], [4]]\n---\n", {"x": [1]}, ("x: a list inside a list is not kept",)),
    ],
)
def test_a_key_or_a_reason_that_is_there_twice_is_said_once(
    text: str, values: dict[str, Scalar | list[Scalar]], dropped: tuple[str, ...]
) -> None:
    assert front_matter(text) == FrontMatter(values, dropped)


def test_toml_between_plus_signs_is_read_as_yaml_is() -> None:
    text = (
        '+++\ntitle = "Über: alles"\nyear = 2021\nweight = 0.5\nbig = 99999999999\ndraft = false\n'
        "date = 2020-01-02T03:04:05Z\ntags = ['x', \"y\"]\n[author]\nname = '007'\n+++\nBody\n"
    )
    for version in (text, "\ufeff" + text, text.replace("\n", "\r\n")):
        assert front_matter(version) == FrontMatter(
            {
                "title": "Über: alles",
                "year": 2021,
                "weight": 0.5,
                "big": "99999999999",
                "draft": False,
                "date": "2020-01-02 03:04:05+00:00",
                "tags": ["x", "y"],
                "author_name": "007",
            }
        )
        assert version[split(version).body :].strip() == "Body"


@pytest.mark.parametrize(
    "block",
    [
        "a = 1\na = 2",
        "a: 1",
        "a = [",
        "= 1",
        "a = " + "[" * 5000 + "]" * 5000,
        "a = nan",
        "a = {b = {c = 1}}",
    ],
)
def test_toml_that_is_none_is_named_and_never_an_error(block: str) -> None:
    got = front_matter(f"+++\n{block}\n+++\n")
    assert got.values or got.dropped


def test_plus_signs_without_an_end_are_text() -> None:
    assert front_matter("+++\na = 1\n") == FrontMatter({})
    assert split("+++ more\na = 1\n+++\n").body == 0


def test_a_list_of_texts_and_mappings_is_read_without_its_texts_and_says_so() -> None:
    found = front_matter(block("authors:", "  - name: Kant", "  - Hume", "  - name: Mill"))
    assert found.values == {"authors_name": ["Kant", "Mill"]}
    assert found.dropped == ("authors: a list of texts and mappings is read without its texts",)
