"""Excel 97 to 2003 (xls) to text: one line a row, as the cells show it. The only module that imports xlrd."""

import io
from typing import Any, Final

from objlib.core.library.decode import UnreadableError
from objlib.embedded.text.builder import TextBuilder
from objlib.embedded.text.extra import MissingReaderError
from objlib.embedded.text.extracted import Extracted
from objlib.embedded.text.sheets import SheetWriter, date_text, first_day

_BROKEN: Final = "The Excel file is damaged, or no Excel file. Open it in its program and save it again."
_PASSWORD: Final = "The Excel file is protected by a password. Save it without one and upload it again."


def xls_text(data: bytes) -> Extracted:
    """Extract the text of a workbook of 1997 to 2003; places as in newer ones.

    Raises:
        UnreadableError: damaged, or protected by a password.
        MissingReaderError: the extra is not installed.
    """
    try:
        import xlrd  # an extra
    except ImportError as error:
        raise MissingReaderError("Excel") from error
    builder = TextBuilder("\n")
    try:
        book = xlrd.open_workbook(file_contents=data, on_demand=True, ragged_rows=True, logfile=io.StringIO())
        epoch = first_day(epoch_1904=book.datemode == 1)
        for title in book.sheet_names():
            sheet, writer = book.sheet_by_name(title), SheetWriter(builder, title)
            for number in range(sheet.nrows):
                writer.row(number + 1, [_shown(cell, epoch, xlrd) for cell in sheet.row(number)])
            builder.gap()
            book.unload_sheet(title)
        author = book.user_name or ""
    except UnreadableError:
        raise
    except Exception as error:  # the library answers a broken file with whatever it fell over
        raise UnreadableError(_PASSWORD if "encrypted" in str(error).lower() else _BROKEN) from error
    return builder.finish(author=author)


def _shown(cell: Any, epoch: Any, xlrd: Any) -> str:
    """A cell as it is shown, but for the decimals of numbers."""
    if cell.ctype == xlrd.XL_CELL_DATE:
        return date_text(cell.value, epoch)
    if cell.ctype == xlrd.XL_CELL_NUMBER:
        return f"{cell.value:.15g}"
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return "TRUE" if cell.value else "FALSE"
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return str(xlrd.error_text_from_code.get(cell.value, ""))
    return str(cell.value)
