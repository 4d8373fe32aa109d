"""Requests that are not HTTP, or are malformed: bytes by the name of their mistake."""

from typing import Final

_HEAD: Final = b"GET /v1beta/files HTTP/1.1\r\nHost: 127.0.0.1\r\n"
_POST: Final = (
    b"POST /v1beta/fileSearchStores HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
)


def _line(line: bytes) -> bytes:
    return line + b"\r\nHost: 127.0.0.1\r\n\r\n"


MALFORMED: Final[dict[str, bytes]] = {
    "nothing but line ends": b"\r\n\r\n\r\n",
    "line feeds": b"\n\n\n\n",
    "NULs": b"\0" * 64 + b"\r\n\r\n",
    "one word": b"HELLO\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x11" * 80 + b"\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "SOCKS": b"\x05\x01\x00\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /v1beta/files\r\n\r\n",
    "HTTP/3.7": _line(b"GET /v1beta/files HTTP/3.7"),
    "HTTP/1.1.1": _line(b"GET /v1beta/files HTTP/1.1.1"),
    "HTTP without a version": _line(b"GET /v1beta/files HTTP/"),
    "lower case protocol": _line(b"GET /v1beta/files http/1.1"),
    "two targets": _line(b"GET /a /b HTTP/1.1"),
    "no target": _line(b"GET  HTTP/1.1"),
    "no method": _line(b"/v1beta/files HTTP/1.1"),
    "tab for a space": _line(b"GET\t/v1beta/files\tHTTP/1.1"),
    "space before the method": _line(b" GET /v1beta/files HTTP/1.1"),
    "method in brackets": _line(b"(GET) /v1beta/files HTTP/1.1"),
    "method beyond ASCII": _line("GÉT /v1beta/files HTTP/1.1".encode()),
    "target beyond ASCII": _line("GET /v1beta/fílès HTTP/1.1".encode()),
    "target with a NUL": _line(b"GET /v1beta/fi\0les HTTP/1.1"),
    "target with a bell": _line(b"GET /v1beta/fi\x07les HTTP/1.1"),
    "target in backslashes": _line(b"GET \\v1beta\\files HTTP/1.1"),
    "bad escape": _line(b"GET /v1beta/files%zz HTTP/1.1"),
    "escape of a NUL": _line(b"GET /v1beta/files%00 HTTP/1.1"),
    "escape that is no UTF-8": _line(b"GET /v1beta/files%ff%fe HTTP/1.1"),
    "dots": _line(b"GET /v1beta/../../etc/passwd HTTP/1.1"),
    "escaped dots": _line(b"GET /v1beta/%2e%2e/%2e%2e/etc/passwd HTTP/1.1"),
    "fragment": _line(b"GET /v1beta/files#top HTTP/1.1").replace(b"files", b"nofiles"),
    "target of one star": _line(b"OPTIONS * HTTP/1.1"),
    "CONNECT": _line(b"CONNECT example.org:443 HTTP/1.1"),
    "TRACE": _line(b"TRACE /v1beta/files HTTP/1.1"),
    "unknown method": _line(b"BREW /v1beta/files HTTP/1.1"),
    "target of a megabyte": _line(b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1"),
    "method of a megabyte": b"G" * 1_000_000 + b" / HTTP/1.1\r\n\r\n",
    "header of a megabyte": _HEAD + b"X: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "a hundred thousand headers": _HEAD + b"X: y\r\n" * 100_000 + b"\r\n",
    "header without a colon": _HEAD + b"Nothing\r\n\r\n",
    "header without a name": _HEAD + b": value\r\n\r\n",
    "space before the colon": _HEAD + b"X-A : value\r\n\r\n",
    "folded first header": b"GET /v1beta/files HTTP/1.1\r\n folded: yes\r\nHost: 127.0.0.1\r\n\r\n",
    "header with a NUL": _HEAD + b"X: a\0b\r\n\r\n",
    "header name beyond ASCII": _HEAD + "Größe: 1\r\n\r\n".encode(),
    "no Host": b"GET /v1beta/files HTTP/1.1\r\n\r\n",
    "two Hosts": _HEAD + b"Host: 127.0.0.1\r\n\r\n",
    "Host with blanks": b"GET /v1beta/files HTTP/1.1\r\nHost: 127.0.0.1 evil\r\n\r\n",
    "Host of a bracket": b"GET /v1beta/files HTTP/1.1\r\nHost: [::1\r\n\r\n",
    "Host with a long port": b"GET /v1beta/files HTTP/1.1\r\nHost: 127.0.0.1:123456789\r\n\r\n",
    "Host with a user": b"GET /v1beta/files HTTP/1.1\r\nHost: me@127.0.0.1\r\n\r\n",
    "Host beyond ASCII": "GET /v1beta/files HTTP/1.1\r\nHost: bücher\r\n\r\n".encode(),
    "negative length": _POST + b"Content-Length: -1\r\n\r\n{}",
    "length with a plus": _POST + b"Content-Length: +2\r\n\r\n{}",
    "length in hex": _POST + b"Content-Length: 0x2\r\n\r\n{}",
    "length of forty digits": _POST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n{}",
    "two lengths": _POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "unknown coding": _POST + b"Transfer-Encoding: brotli\r\n\r\n{}",
    "two codings": _POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunk size that is no number": _POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "negative chunk": _POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
    "chunk of forty digits": _POST
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + b"f" * 40
    + b"\r\n{}\r\n0\r\n\r\n",
    "chunk without its end": _POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n",
    "trailer without a colon": _POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\nbad\r\n\r\n",
    "body cut short": _POST + b"Content-Length: 100\r\n\r\n{",
    "headers cut short": _HEAD + b"X-Fo",
}
"""Each is answered with a 4xx in the error shape of the API, whatever comes after it."""
