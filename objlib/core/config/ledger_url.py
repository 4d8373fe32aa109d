"""The address of a ledger in a PostgreSQL database: an URL as libpq reads it, and the schema that holds the ledger.

The password of an URL goes to libpq and nowhere else: the text of an address never has it.
"""

import re
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from objlib.core.errors import UsageError

SCHEMES: Final = ("postgresql://", "postgres://")
DEFAULT_SCHEMA: Final = "objlib"
_SECRET: Final = frozenset({"password", "sslpassword"})
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,50}")


@dataclass(frozen=True, slots=True)
class LedgerUrl:
    """One ledger in a database. A database holds several, each in a schema of its own.

    Attributes:
        conninfo: the URL for libpq, with the password where it has one.
        schema: the schema with the ledger's tables.
        shown: the URL without secrets, for people.
    """

    conninfo: str = field(repr=False)
    schema: str
    shown: str = field(compare=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an URL; ``?schema=NAME`` is ours, every other parameter is libpq's.

        Raises:
            UsageError: it is none; the message does not have its password.
        """
        try:
            parts = urlsplit(text)
            pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        except ValueError:
            raise UsageError(
                "the URL of the ledger cannot be read: postgresql://USER@HOST/DATABASE"
            ) from None
        names = [value for key, value in pairs if key == "schema"]
        schema = names[-1] if names else DEFAULT_SCHEMA
        if not _NAME.fullmatch(schema) or schema.startswith("pg_"):
            raise UsageError(
                f"the schema {schema!r} of the ledger's URL is no plain name: small letters, digits and _, "
                "and not pg_ in front"
            )
        rest = [(key, value) for key, value in pairs if key != "schema"]
        user, at, host = parts.netloc.rpartition("@")
        public = [(key, value) for key, value in rest if key not in _SECRET]
        public += [("schema", schema)] if schema != DEFAULT_SCHEMA else []
        return cls(
            conninfo=urlunsplit(parts._replace(query=urlencode(rest, quote_via=quote))),
            schema=schema,
            shown=urlunsplit(
                parts._replace(
                    netloc=f"{user.partition(':')[0]}{at}{host}",
                    query=urlencode(public, quote_via=quote, safe="/"),
                )
            ),
        )

    def __str__(self) -> str:
        return self.shown


def is_ledger_url(text: str) -> bool:
    """Whether a text is meant to be the address of a database, and not a path."""
    return text.startswith(SCHEMES)
