"""Many runs: every combination of some settings, with several seeds."""
