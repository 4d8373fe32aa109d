"""``objlib mcp``."""

import json
import os
import secrets
from functools import partial
from typing import Annotated, Final

from objlib.cli.config import load_settings
from objlib.cli.console.errors import print_message
from objlib.cli.console.output import print_lines, print_object
from objlib.cli.detached import detach, secrets_note
from objlib.cli.options import Common, CommonOptions, LibraryPath, option, switch
from objlib.core.config.settings import Settings
from objlib.core.errors import Exit, UsageError
from objlib.core.events import Observer
from objlib.sources import require_folder

TOKEN_VARIABLE: Final = "OBJLIB_MCP_TOKEN"
"""Variable with the token of the port; without it each start makes a new one."""


def mcp(
    path: LibraryPath = None,
    /,
    *,
    write: Annotated[bool, switch("Also offer the tools that upload and remove documents")] = False,
    http: Annotated[
        bool, switch("Serve on a port of this machine, not on standard input and output")
    ] = False,
    port: Annotated[int, option("Port for --http; 0 takes any free one")] = 8766,
    print_config: Annotated[bool, switch("Print what the settings of an MCP client need, and end")] = False,
    options: Common = None,
) -> int:
    """Offer the library to agents over the Model Context Protocol: search, ask, read, list, status.

    A client starts it by itself, from what --print-config prints. With --http it listens on 127.0.0.1, for clients
    that send the token it prints, or the one in OBJLIB_MCP_TOKEN.
    """
    if not 0 <= port <= 65_535:
        raise UsageError(f"--port must be a whole number from 0 to 65535, not {port}")
    settings = load_settings(options, path=path)
    require_folder(settings)
    if print_config:
        print_lines([_config(settings, write=write)])
        return Exit.OK
    _serve(settings, options, write=write, http=http, port=port)
    return Exit.OK


def _serve(settings: Settings, options: CommonOptions | None, *, write: bool, http: bool, port: int) -> None:
    from objlib.cli.runner import run_without_app

    try:
        from objlib.mcp.serve import serve_http, serve_stdio
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("objlib"):
            raise
        raise UsageError(
            "objlib mcp needs the extra mcp: install objlib[mcp], as in `uv tool install '.[mcp]'`"
        ) from None
    token = os.environ.get(TOKEN_VARIABLE) or secrets.token_urlsafe(24)

    def ready(address: str) -> None:
        url = f"{address}/mcp"
        if settings.json:
            print_object("mcp", {"url": url, "token": token})
        else:
            print_lines([url, f"Authorization: Bearer {token}"])
        if not settings.quiet:
            print_message("serving agents until Ctrl-C")

    async def work(observer: Observer) -> None:
        if http:
            serving = partial(serve_http, port=port, token=token, ready=ready)
            await serving(settings, write=write, observer=observer)
        else:
            await serve_stdio(settings, write=write, observer=observer)

    run_without_app(settings, work)


def _config(settings: Settings, *, write: bool) -> str:
    """The JSON that clients such as editors and desktop assistants take, with the settings of this call."""
    command = detach(settings, "mcp", *(["--write"] if write else []))
    server: dict[str, object] = {"command": command.words[0], "args": command.words[1:]}
    if command.variables:
        server["env"] = command.variables
    if note := secrets_note(command.secrets, 'the member "env" of this server'):
        print_message(note)
    return json.dumps({"mcpServers": {"objlib": server}}, indent=2)
