"""The logger of the served application: a child of Serve's, whose handlers write each line with its request's id."""

from __future__ import annotations

import logging

# other loggers have no handler in a replica: theirs ends in the process's bare output
log = logging.getLogger("ray.serve.chex")
