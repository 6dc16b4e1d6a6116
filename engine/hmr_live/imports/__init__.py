"""Motion of other programs: AMASS and BVH files, as takes that can be played and exported.

:func:`hmr_live.imports.motion_file.open_motion_file` opens them.
"""
