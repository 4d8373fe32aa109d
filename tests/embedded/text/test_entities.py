"""Entities that an XHTML page declares for itself."""

import time
from collections.abc import Callable

import pytest

from objlib.embedded.text.entities import MAX_EXPANSION, without_doctype
from objlib.embedded.text.html import html_text

PAGE = '<?xml version="1.0"?>\n<!DOCTYPE html [{}]>\n<html xmlns="http://www.w3.org/1999/xhtml"><body>{}</body></html>'


def text_of(declared: str, body: str) -> str:
    return html_text(PAGE.format(declared, body)).text.strip()


@pytest.mark.parametrize(
    ("declared", "body", "text"),
    [
        ('<!ENTITY a "Ada">', "<p>&a; wrote &amp; &copy;</p>", "Ada wrote & ©"),
        ("<!ENTITY a \"'\"><!ENTITY b '>\"'>", "<p>&a;&b;</p>", "'>\""),
        ('<!ENTITY b "<b>bold</b> &a;"><!ENTITY a "Ada">', "<p>&b;</p>", "bold Ada"),
        ('<!ENTITY a "first"><!ENTITY a "second">', "<p>&a;</p>", "first"),
        ('<!ENTITY a "&#65;&#x42;&#38;#60;">', "<p>&a;</p>", "AB<"),
        ('<!-- it\'s ]> --><?pi ]> ?><!ELEMENT p ANY><!ENTITY a "Ada">', "<p>&a;</p>", "Ada"),
        ('<!ENTITY % p "x"><!ENTITY a "Ada">', "<p>&a; &p;</p>", "Ada &p;"),
        ('<!ENTITY a "Ada">', "<p><![CDATA[&a;]]> &a;<!-- &a; --></p>", "&a; Ada"),
        ('<!ENTITY a "&b;"><!ENTITY b "&a;">', "<p>before &a; after</p>", "before &a; after"),
        ('<!ENTITY a "Ada">', "<p>&a; &unknown;<br></p>", "Ada &unknown;"),
    ],
)
def test_the_entities_of_a_page_are_part_of_its_text(declared: str, body: str, text: str) -> None:
    assert text_of(declared, body) == text


def test_a_page_without_an_xml_declaration_has_its_entities_too() -> None:
    page = PAGE.format('<!ENTITY a "Ada">', "<p>&a;</p>").partition("\n")[2]
    assert html_text(page).text.strip() == "Ada"


def test_an_entity_in_another_file_is_not_read_and_is_named() -> None:
    page = html_text(PAGE.format('<!ENTITY x SYSTEM "file:///etc/hostname">', "<p>Host: &x;.</p>"))
    assert page.text.strip() == "Host: &x;."
    assert page.remarks == ("entities whose text is in another file were not read: x",)


def many(count: int) -> str:
    return "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha"}">' for n in range(count))


@pytest.mark.parametrize(
    ("declared", "body"),
    [(many(30), "&e29;"), (f'<!ENTITY a "{"a" * 50_000}">', "&a;" * 50_000)],
    ids=["nested", "repeated"],
)
def test_a_bomb_is_left_as_it_is_and_named(declared: str, body: str) -> None:
    page = html_text(PAGE.format(declared, f"<p>Before. {body[:3000]}</p>"))
    assert len(page.text) < 2 * MAX_EXPANSION
    assert page.text.startswith("Before.")
    assert ["more than 1,000,000 characters" in remark for remark in page.remarks] == [True]


@pytest.mark.parametrize(
    "hostile",
    [
        lambda n: "<!DOCTYPE html [" + "<!ENTITY a '" * n,
        lambda n: "<!DOCTYPE html [" + "'" * n,
        lambda n: "<!DOCTYPE html [" + "<!--" * n,
        lambda n: "<!DOCTYPE html [<!ENTITY a 'b'>]>" + "<![CDATA[" * n,
        lambda n: "<!DOCTYPE html [<!ENTITY a 'b'>]>" + "&a" * n,
        lambda n: "<!DOCTYPE html [" + "<!ENTITY a " * n,
        lambda n: "<!DOCTYPE" * n,
    ],
)
def test_the_time_for_a_document_type_grows_with_its_length(hostile: Callable[[int], str]) -> None:
    def seconds(n: int) -> float:
        text = hostile(n)
        began = time.process_time()
        without_doctype(text)
        return time.process_time() - began

    assert seconds(100_000) < 0.5 + 40 * seconds(10_000)
