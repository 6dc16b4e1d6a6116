"""Takes as files that other programs open: constant rate, a world that is level, metres.

:class:`.Exporter` writes them, :data:`hmr_live.export.formats.FORMATS` lists them.
"""
