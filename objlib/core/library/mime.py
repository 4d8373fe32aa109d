"""Which MIME type a file is sent as: by its suffix, else by a look at its first bytes.

The standard library's table is not used: it depends on the machine, knows nothing of files without a suffix,
and gives types that the service does not take.
"""

import re
from typing import Final

from objlib.core.library.decode import is_text

SNIFF: Final = 8192
"""Bytes at the start of a file that decide whether it is text; the same window that git and grep look at."""

# What File Search takes in a text store, after the page ai.google.dev/gemini-api/docs/file-search as of 2026.
# Images need a multimodal store; audio and video are not taken at all.
_BINARY_APPLICATION: Final = """
msword pdf vnd.ibm.secure-container vnd.ms-excel vnd.oasis.opendocument.text
vnd.openxmlformats-officedocument.presentationml.presentation
vnd.openxmlformats-officedocument.spreadsheetml.sheet
vnd.openxmlformats-officedocument.wordprocessingml.document
vnd.openxmlformats-officedocument.wordprocessingml.template x-hwp x-hwp-v5 zip
"""
_TEXT_APPLICATION: Final = """
dart ecmascript json ms-java sql typescript vnd.curl vnd.dart vnd.jupyter x-csh x-latex x-php x-powershell
x-sh x-shellscript x-tex x-zsh xml
"""
_TEXTUAL: Final = """
1d-interleaved-parityfec RED SGML cache-manifest calendar cql cql-extension cql-identifier css csv
csv-schema dns encaprtp enriched example fhirpath flexfec fwdred gff3 grammar-ref-list hl7v2 html javascript
jcr-cnd jsx markdown mizar n3 parameters parityfec php plain provenance-notation prs.fallenstein.rst
prs.lines.tag prs.prop.logic raptorfec rfc822-headers rtf rtp-enc-aescm128 rtploopback rtx sgml shaclc shex
spdx strings t140 tab-separated-values texmacs troff tsv tsx turtle ulpfec uri-list vcard vnd.DMClientScript
vnd.IPTC.NITF vnd.IPTC.NewsML vnd.a vnd.abc vnd.ascii-art vnd.curl vnd.debian.copyright vnd.dvb.subtitle
vnd.esmertec.theme-descriptor vnd.exchangeable vnd.familysearch.gedcom vnd.ficlab.flt vnd.fly
vnd.fmi.flexstor vnd.gml vnd.graphviz vnd.hans vnd.hgl vnd.in3d.3dml vnd.in3d.spot vnd.latex-z
vnd.motorola.reflex vnd.ms-mediapackage vnd.net2phone.commcenter.command vnd.radisys.msml-basic-layout
vnd.senx.warpscript vnd.sosi vnd.sun.j2me.app-descriptor vnd.trolltech.linguist vnd.wap.si vnd.wap.sl
vnd.wap.wml vnd.wap.wmlscript vtt wgsl x-asm x-bibtex x-boo x-c x-c++hdr x-c++src x-cassandra x-chdr
x-coffeescript x-component x-csh x-csharp x-csrc x-cuda x-d x-diff x-dsrc x-emacs-lisp x-erlang x-gff3 x-go
x-haskell x-java x-java-properties x-java-source x-kotlin x-lilypond x-lisp x-literate-haskell x-lua x-moc
x-objcsrc x-pascal x-pcs-gcd x-perl x-perl-script x-python x-python-script x-r-markdown x-rsrc x-rst
x-ruby-script x-rust x-sass x-scala x-scheme x-script.python x-scss x-setext x-sfv x-sh x-siesta x-sos x-sql
x-swift x-tcl x-tex x-vbasic x-vcalendar xml xml-dtd xml-external-parsed-entity yaml
"""

ACCEPTED: Final = frozenset(
    [f"application/{name}" for name in (_BINARY_APPLICATION + _TEXT_APPLICATION).split()]
    + [f"text/{name}" for name in _TEXTUAL.split()]
)
"""Every MIME type the service takes."""
PICTURES: Final = frozenset({"image/png", "image/jpeg"})
"""Types that only a store with a multimodal embedding model takes."""
OFFLINE: Final = frozenset({"application/epub+zip"})
"""Types that the embedded store reads and the service does not take."""

_MARKS: Final = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
)
"""First bytes of formats that are known without a suffix; of pictures they alone decide."""
_EMBEDDING: Final = re.compile(r"gemini-embedding-0*([0-9]{1,3})(?:[.-].*)?")

PLAIN: Final = "text/plain"
MARKDOWN: Final = "text/markdown"
_OOXML: Final = "application/vnd.openxmlformats-officedocument."

_BINARY: Final = {
    "pdf": "application/pdf",
    "doc": "application/msword",
    "dot": "application/msword",
    "docx": _OOXML + "wordprocessingml.document",
    "dotx": _OOXML + "wordprocessingml.template",
    "epub": "application/epub+zip",
    "hwp": "application/x-hwp",
    "odt": "application/vnd.oasis.opendocument.text",
    "pptx": _OOXML + "presentationml.presentation",
    "xls": "application/vnd.ms-excel",
    "xlsx": _OOXML + "spreadsheetml.sheet",
    "zip": "application/zip",
}
"""Formats that are binary by nature: the suffix alone decides, and the store says what is wrong inside."""

_TEXT: Final = {
    suffix: mime
    for mime, suffixes in {
        PLAIN: "txt text log org toml ini cfg srt jl jsonl ndjson eml mbox",
        MARKDOWN: "md markdown mdown mkd mkdn",
        "text/html": "html htm xhtml",
        "text/cache-manifest": "appcache",
        "text/cql": "cql",
        "text/css": "css",
        "text/csv-schema": "csvs",
        "text/gff3": "gff3",
        "text/hl7v2": "hl7",
        "text/jcr-cnd": "cnd",
        "text/mizar": "miz",
        "text/provenance-notation": "provn",
        "text/shaclc": "shaclc shc",
        "text/shex": "shex",
        "text/spdx": "spdx",
        "text/strings": "strings",
        "text/texmacs": "tm",
        "text/uri-list": "uri uris",
        "text/vnd.abc": "abc",
        "text/vnd.familysearch.gedcom": "ged",
        "text/vnd.in3d.3dml": "3dml",
        "text/vnd.sun.j2me.app-descriptor": "jad",
        "text/vnd.wap.wml": "wml",
        "text/vnd.wap.wmlscript": "wmls",
        "text/x-boo": "boo",
        "text/x-component": "htc",
        "text/x-pcs-gcd": "gcd",
        "text/x-setext": "etx",
        "text/x-sfv": "sfv",
        "text/x-vcalendar": "vcs",
        "text/xml-dtd": "dtd",
        "text/csv": "csv",
        "text/tab-separated-values": "tsv tab",
        "text/rtf": "rtf",
        "text/xml": "xml xsd xsl rss atom",
        "text/yaml": "yaml yml",
        "text/vtt": "vtt",
        "text/calendar": "ics",
        "text/vcard": "vcf",
        "text/troff": "man me ms roff tr",
        "text/turtle": "ttl",
        "text/n3": "n3",
        "text/sgml": "sgml",
        "text/javascript": "js mjs cjs",
        "text/jsx": "jsx",
        "text/tsx": "tsx",
        "text/wgsl": "wgsl",
        "text/vnd.graphviz": "gv dot",
        "text/x-asm": "asm s",
        "text/x-bibtex": "bib",
        "text/x-csrc": "c",
        "text/x-chdr": "h",
        "text/x-c++src": "cc cpp cxx",
        "text/x-c++hdr": "hh hpp hxx",
        "text/x-csharp": "cs",
        "text/x-coffeescript": "coffee",
        "text/x-cuda": "cu",
        "text/x-d": "d",
        "text/x-diff": "diff patch",
        "text/x-emacs-lisp": "el",
        "text/x-erlang": "erl",
        "text/x-go": "go",
        "text/x-haskell": "hs",
        "text/x-literate-haskell": "lhs",
        "text/x-java": "java",
        "text/x-java-properties": "properties",
        "text/x-kotlin": "kt kts",
        "text/x-lilypond": "ly",
        "text/x-lisp": "lisp lsp",
        "text/x-lua": "lua",
        "text/x-pascal": "pas",
        "text/x-perl": "pl pm",
        "text/x-python": "py pyi",
        "text/x-r-markdown": "rmd",
        "text/x-rsrc": "r",
        "text/x-rst": "rst",
        "text/x-ruby-script": "rb",
        "text/x-rust": "rs",
        "text/x-sass": "sass",
        "text/x-scss": "scss",
        "text/x-scala": "scala sc",
        "text/x-scheme": "scm ss",
        "text/x-swift": "swift",
        "text/x-tcl": "tcl",
        "text/x-tex": "tex ltx sty cls",
        "text/x-vbasic": "vb bas",
        "application/dart": "dart",
        "application/json": "json",
        "application/sql": "sql",
        "application/typescript": "ts",
        "application/vnd.jupyter": "ipynb",
        "application/x-csh": "csh",
        "application/x-latex": "latex",
        "application/x-php": "php",
        "application/x-powershell": "ps1 psm1",
        "application/x-sh": "sh bash",
        "application/x-zsh": "zsh",
    }.items()
    for suffix in suffixes.split()
}
"""Formats that are text: the suffix names the type, and the content still has to be text."""


def suffix_of(path: str) -> str:
    """The suffix of a path's last component in lower case, without its dot; empty when there is none."""
    name = path.rpartition("/")[2]
    stem, dot, suffix = name.rpartition(".")
    return suffix.lower() if dot and stem else ""


def base_type(content_type: str) -> str:
    """A content type in lower case and without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def is_text_type(mime_type: str) -> bool:
    """Whether bytes of a type, as :func:`base_type` gives it, are text."""
    family, _, subtype = mime_type.partition("/")
    if family == "application":
        return subtype in _TEXT_APPLICATION.split() or subtype.endswith(("+json", "+xml", "+yaml"))
    return family == "text"


def type_of_suffix(path: str) -> str | None:
    """The MIME type that a path's suffix stands for; None when it is in no table."""
    suffix = suffix_of(path)
    return _BINARY.get(suffix) or _TEXT.get(suffix)


def detect(path: str, head: bytes) -> str | None:
    """The MIME type to send a file as; None when no store could read it.

    One of :data:`ACCEPTED`, :data:`PICTURES` or :data:`OFFLINE`.

    ``head`` is at least the first :data:`SNIFF` bytes, unless the file is shorter.
    """
    suffix = suffix_of(path)
    if suffix in _BINARY:
        return _BINARY[suffix]
    if is_text(head[:SNIFF]):
        return _TEXT.get(suffix, PLAIN)
    return next((mime for mark, mime in _MARKS if head.startswith(mark)), None)


def takes_pictures(embedding_model: str) -> bool:
    """Whether a store with that embedding model takes :data:`PICTURES`: the models before the second read text only."""
    version = _EMBEDDING.fullmatch(embedding_model.removeprefix("models/"))
    return version is not None and int(version[1]) >= 2
