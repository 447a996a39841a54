"""From equations to packages: each room imports only those that stand before it.

``language``, ``model``, ``passes``, ``schedule``, ``printers``, ``pictures``, ``package``, and last
`build`, the one program. ``runtime`` is what every package needs as it stands, with numpy alone.
"""
