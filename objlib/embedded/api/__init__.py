"""The REST API of the embedded service: routes, the upload protocol, errors as the real service words them."""
