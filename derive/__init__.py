"""From equations to packages: each room imports only those that stand before it.

``language``, ``model``, ``passes``, ``schedule``, ``printers``, ``pictures``, ``package``. Above
them `making` derives and tries all networks, `disk` puts them in the place of what was written
before, and `command` is the one program, which ``build.py`` starts. ``runtime`` is what every
package needs as it stands, with numpy alone.
"""
