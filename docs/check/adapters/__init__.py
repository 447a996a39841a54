"""From the usual ways to write MAML to the three functions that `docs.check.check` takes."""
