"""Files of the compound format (MS-CFB) that Word, Excel and Hangul wrote before they wrote ZIP files."""

import struct
from collections.abc import Mapping, Sequence

_SECTOR = 512
_FREE, _END, _FAT, _NONE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF
_SMALLEST = 4096  # a shorter stream would stand in the mini stream


def compound(streams: Mapping[str, bytes]) -> bytes:
    """A compound file of some streams; a name with a slash stands in a storage of one level."""
    storages = sorted({name.split("/")[0] for name in streams if "/" in name})
    entries: list[tuple[str, int, int, int, int]] = []  # name, kind, child, start, size
    children: dict[str, list[int]] = {"": []}
    for storage in storages:
        children[""].append(len(entries) + 1)
        children[storage] = []
        entries.append((storage, 1, 0, 0, 0))
    body, chains = b"", []
    for name, data in streams.items():
        padded = data.ljust(max(_SMALLEST, -(-len(data) // _SECTOR) * _SECTOR), b"\0")
        first = len(body) // _SECTOR
        chains.append((first, len(padded) // _SECTOR))
        storage, _, leaf = name.rpartition("/")
        children[storage].append(len(entries) + 1)
        entries.append((leaf, 2, 0, first, len(padded)))
        body += padded
    for siblings in children.values():
        siblings.sort(key=lambda number: (len(entries[number - 1][0]), entries[number - 1][0].upper()))
    directory = _entry("Root Entry", 5, _FREE, children[""][0], _END, 0)
    for number, (name, kind, _, start, size) in enumerate(entries, 1):
        of = next(ids for ids in children.values() if number in ids)
        # Siblings form a chain to the right, in the order of the format: by length, then by capitals.
        place = of.index(number)
        right = of[place + 1] if place + 1 < len(of) else _NONE
        child = children[name][0] if kind == 1 else _NONE
        directory += _entry(name, kind, right, child, start, size)
    while len(directory) % _SECTOR:
        directory += _entry("", 0, _NONE, _NONE, 0, 0)
    chains.append((len(body) // _SECTOR, len(directory) // _SECTOR))
    first_directory = len(body) // _SECTOR
    body += directory
    sectors = len(body) // _SECTOR
    fats = -(-(sectors + 8) // (_SECTOR // 4))
    fat = [_FREE] * (fats * _SECTOR // 4)
    for first, count in chains:
        for at in range(first, first + count):
            fat[at] = at + 1 if at + 1 < first + count else _END
    for at in range(sectors, sectors + fats):
        fat[at] = _FAT
    body += struct.pack(f"<{len(fat)}I", *fat)
    header = struct.pack(
        "<8s16sHHHHH6sIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"\0" * 16,
        0x3E,
        3,
        0xFFFE,
        9,
        6,
        b"\0" * 6,
        0,
        fats,
        first_directory,
        0,
        _SMALLEST,
        _END,
        0,
        _END,
        0,
    )
    table = [sectors + n for n in range(fats)] + [_FREE] * (109 - fats)
    return header + struct.pack("<109I", *table) + body


def _entry(name: str, kind: int, right: int, child: int, start: int, size: int) -> bytes:
    text = name.encode("utf-16-le")
    length = len(text) + 2 if name else 0
    return (
        text.ljust(64, b"\0")
        + struct.pack("<HBBIII", length, kind, 1, _NONE, right, child)
        + b"\0" * 36
        + struct.pack("<IQ", start, size)
    )


def doc(paragraphs: Sequence[str]) -> bytes:
    """A Word 97 document: its text in UTF-16 behind the header, and a table of one piece (MS-DOC)."""
    text = "\r".join((*paragraphs, ""))
    at = 1024
    rg_w, rg_lw = [0] * 14, [0] * 22
    rg_lw[3] = len(text)
    pieces = struct.pack("<II", 0, len(text)) + struct.pack("<HIH", 0, at, 0)
    clx = b"\x02" + struct.pack("<I", len(pieces)) + pieces
    places = [(0, 0)] * 93
    places[33] = (0, len(clx))
    base = struct.pack("<HHHHHHHIBBHHII", 0xA5EC, 0xC1, 0, 0x409, 0, 0x0200, 0xBF, 0, 0, 0, 0, 0, at, 0)
    header = base + struct.pack("<H14H", 14, *rg_w) + struct.pack("<H22I", 22, *rg_lw)
    header += struct.pack("<H", 93) + b"".join(struct.pack("<II", *place) for place in places)
    stream = header.ljust(at, b"\0") + text.encode("utf-16-le")
    return compound({"WordDocument": stream, "1Table": clx})


def xls(sheets: Mapping[str, Sequence[Sequence[str | float]]]) -> bytes:
    """An Excel 97 workbook (MS-XLS): one record a cell."""

    def record(kind: int, data: bytes) -> bytes:
        return struct.pack("<HH", kind, len(data)) + data

    bodies = []
    for rows in sheets.values():
        cells = b""
        for r, row in enumerate(rows):
            for c, value in enumerate(row):
                if isinstance(value, str):
                    data = struct.pack("<HHHHB", r, c, 0, len(value), 1) + value.encode("utf-16-le")
                    cells += record(0x0204, data)
                else:
                    cells += record(0x0203, struct.pack("<HHHd", r, c, 0, value))
        start = record(0x0809, struct.pack("<HHHHII", 0x600, 0x10, 0xDBB, 0x7CC, 0, 6))
        bodies.append(start + cells + record(0x0A, b""))
    names = [struct.pack("<BB", len(name), 1) + name.encode("utf-16-le") for name in sheets]
    globals_start = record(0x0809, struct.pack("<HHHHII", 0x600, 5, 0xDBB, 0x7CC, 0, 6)) + record(
        0x42, struct.pack("<H", 1200)
    )
    at = len(globals_start) + sum(4 + 6 + len(name) for name in names) + 4
    listed = b""
    for name, body in zip(names, bodies, strict=True):
        listed += record(0x85, struct.pack("<IBB", at, 0, 0) + name)
        at += len(body)
    return compound({"Workbook": globals_start + listed + record(0x0A, b"") + b"".join(bodies)})


def hwp(paragraphs: Sequence[str]) -> bytes:
    """A Hangul document of version 5, not compressed."""

    def record(tag: int, level: int, data: bytes) -> bytes:
        return struct.pack("<I", tag | level << 10 | len(data) << 20) + data

    section = b""
    for paragraph in paragraphs:
        text = paragraph + "\r"
        section += record(66, 0, struct.pack("<IIHBBHHHI", len(text), 0, 0, 0, 0, 0, 0, 0, 0))
        section += record(67, 1, text.encode("utf-16-le"))
    header = b"HWP Document File".ljust(32, b"\0") + struct.pack("<II", 0x05000300, 0)
    return compound({"FileHeader": header.ljust(256, b"\0"), "DocInfo": b"", "BodyText/Section0": section})
