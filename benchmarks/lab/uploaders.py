"""The peers of the upload: the same requests by other means. ``python -m benchmarks.lab.uploaders KIND URL FOLDER``.

Each uploads every file of a folder with 16 in flight: a session, its bytes, and one question whether it is done.
``genai`` is the loop of the official SDK's documentation, ``httpx`` the same requests on plain httpx under trio, and
``h11`` on bare h11 over trio's streams: no retries, no ledger, no pace, no check of what was sent. This
file imports nothing of objlib, so that any Python with google-genai runs it.
"""

import sys
from pathlib import Path

IN_FLIGHT = 16
STORE = "fileSearchStores/bench-1"


def genai(url: str, files: list[Path]) -> None:
    """The official SDK, asynchronous, with its default transport."""
    import asyncio

    from google import genai as sdk

    client = sdk.Client(api_key="none", http_options={"base_url": url})

    async def one(file: Path, free: asyncio.Semaphore) -> None:
        async with free:
            operation = await client.aio.file_search_stores.upload_to_file_search_store(
                file_search_store_name=STORE, file=str(file), config={"mime_type": "text/plain"}
            )
            while not operation.done:
                operation = await client.aio.operations.get(operation)

    async def everything() -> None:
        free = asyncio.Semaphore(IN_FLIGHT)
        async with asyncio.TaskGroup() as group:
            for file in files:
                group.create_task(one(file, free))

    asyncio.run(everything())


def httpx_(url: str, files: list[Path]) -> None:
    """Plain httpx on trio."""
    import httpx
    import trio

    async def one(client: httpx.AsyncClient, file: Path, free: trio.Semaphore) -> None:
        async with free:
            data = file.read_bytes()
            started = await client.post(
                f"{url}/upload/v1beta/{STORE}:uploadToFileSearchStore",
                headers={"x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start"},
                json={"displayName": file.name, "mimeType": "text/plain"},
            )
            sent = await client.post(
                started.headers["x-goog-upload-url"],
                headers={"x-goog-upload-command": "upload, finalize", "x-goog-upload-offset": "0"},
                content=data,
            )
            await client.get(f"{url}/v1beta/{sent.json()['name']}")

    async def everything() -> None:
        free = trio.Semaphore(IN_FLIGHT)
        async with httpx.AsyncClient(timeout=60) as client, trio.open_nursery() as nursery:
            for file in files:
                nursery.start_soon(one, client, file, free)

    trio.run(everything)


def h11_(url: str, files: list[Path]) -> None:
    """Bare h11: a worker for each connection."""
    import json

    import h11
    import trio

    host, _, port = url.removeprefix("http://").partition(":")

    async def request(
        wire: tuple[trio.SocketStream, h11.Connection],
        method: str,
        target: str,
        headers: dict[str, str],
        body: bytes,
    ) -> tuple[dict[bytes, bytes], bytes]:
        stream, http = wire
        fields = [("host", host), ("content-length", str(len(body))), *headers.items()]
        head = http.send(h11.Request(method=method, target=target, headers=fields))
        assert head is not None
        data = http.send(h11.Data(data=body)) if body else b""
        http.send(h11.EndOfMessage())
        await stream.send_all(head + (data or b""))
        received, parts = {}, []
        while not isinstance(event := http.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                http.receive_data(await stream.receive_some())
            elif isinstance(event, h11.Response):
                received = dict(event.headers)
            elif isinstance(event, h11.Data):
                parts.append(bytes(event.data))
        http.start_next_cycle()
        return received, b"".join(parts)

    async def worker(mine: list[Path]) -> None:
        stream = await trio.open_tcp_stream(host, int(port))
        wire = stream, h11.Connection(h11.CLIENT)
        for file in mine:
            data = file.read_bytes()
            start = json.dumps({"displayName": file.name, "mimeType": "text/plain"}).encode()
            headers = {"x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start"}
            target = f"/upload/v1beta/{STORE}:uploadToFileSearchStore"
            begun, _ = await request(wire, "POST", target, headers, start)
            address = begun[b"x-goog-upload-url"].decode().removeprefix(url)
            headers = {"x-goog-upload-command": "upload, finalize", "x-goog-upload-offset": "0"}
            _, body = await request(wire, "POST", address, headers, data)
            await request(wire, "GET", f"/v1beta/{json.loads(body)['name']}", {}, b"")
        await stream.aclose()

    async def everything() -> None:
        async with trio.open_nursery() as nursery:
            for number in range(IN_FLIGHT):
                nursery.start_soon(worker, files[number::IN_FLIGHT])

    trio.run(everything)


if __name__ == "__main__":
    {"genai": genai, "httpx": httpx_, "h11": h11_}[sys.argv[1]](
        sys.argv[2], sorted(Path(sys.argv[3]).iterdir())
    )
