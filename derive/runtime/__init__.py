"""What every package needs and no derivation writes: checks, memory, workspaces. numpy alone."""
