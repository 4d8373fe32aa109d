"""The pictures that citations name."""

from functools import partial

from objlib.engine.app import App
from objlib.engine.requests.governor import Purpose
from objlib.gemini import Media


async def get_media(app: App, *, name: str) -> Media:
    """The picture of that resource name.

    Raises:
        UsageError: it is no name of a picture.
        GeminiError: the store has none of that name, or the service did not answer.
    """
    get = partial(app.client.stores.media, name)
    return await app.retrier.call(Purpose.ASK, get, reconnect=False)
