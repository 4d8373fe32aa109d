"""The JSON of the API: resource names, metadata, media types, and the errors it is refused with."""
