"""Damaged files, kills, command lines: the tests try a few, ``make attack`` many."""
