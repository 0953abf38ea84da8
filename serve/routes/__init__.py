"""The routes, one module per kind of request; each has a `router`."""
