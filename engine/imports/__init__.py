"""Motion of other programs: AMASS and BVH files, as takes that can be played and exported.

:func:`engine.imports.motion_file.open_motion_file` opens them.
"""
