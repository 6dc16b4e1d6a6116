"""Takes as files that other programs open: constant rate, a world that is level, metres.

:class:`engine.export.exporter.Exporter` writes them, :data:`engine.export.formats.FORMATS` lists
them.
"""
