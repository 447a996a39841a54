"""Many runs: every combination of some settings, with several seeds, on several processes.

Imports ``docs.experiment``; Dask is imported where it is asked for.
"""
