"""The meta-gradient of this project against what people would use instead.

``python -m tests.benchmark`` measures and writes ``docs/speed/benchmark.json``; ``make bench``
installs what it needs first, and draws the figures of the chapter about speed.
"""
