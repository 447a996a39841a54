"""From programs to operations and memory: what is computed when, and where it lies. No text.

Both forms of a layer and the choice between them, operations and their steps, buffers. Imports
``language``.
"""
