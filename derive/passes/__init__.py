"""From programs to programs: a pass changes how something is computed, and no value.

`rewrite` leaves a program for readers, `workspace` one for repeated calls; `before` is what some
programs go through first. A pass of the rewrite is
a function and its place in `rewrite.PASSES`. Imports ``language``.
"""
