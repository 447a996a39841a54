"""Right codes and planted faults, to try `docs.check.check` on."""
