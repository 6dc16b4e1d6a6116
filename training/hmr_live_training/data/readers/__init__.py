"""Readers of published data sets, one module each, all giving the same sample type.

Pictures with people become :class:`.LabelledPerson`, motion capture
becomes :class:`~hmr_live.imports.world_motion.WorldMotion` by :mod:`hmr_live.imports`.
``training/DATA.md`` says what each reader expects and where the data come from.
"""
