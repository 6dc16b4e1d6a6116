"""Readers of published data sets, one module each, all giving the same sample type.

Pictures with people become :class:`~training.data.readers.person.LabelledPerson`, motion capture
becomes :class:`~engine.imports.world_motion.WorldMotion` by :mod:`engine.imports`.
``training/DATA.md`` says what each reader expects and where the data come from.
"""
