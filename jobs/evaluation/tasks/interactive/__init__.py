"""The paper's interactive claims (its 5.2 to 5.4) as tasks: what regional hints, kinds of queries and prompt sets change."""
