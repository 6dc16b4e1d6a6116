"""Many videos at once: one after another, in several processes, on several machines, on a cluster.

Every file goes through :func:`engine.offline.run_offline` into a folder of its own.  The parts:

:mod:`engine.archive.inputs`
    Which files there are and where the results of each go.
:mod:`engine.archive.records`
    What tells a finished folder, so that a run that is started again goes on.
:mod:`engine.archive.claims`
    Who works on which file, where several runs share the folder.
:mod:`engine.archive.worker`
    One file, from the video to the finished folder.
:mod:`engine.archive.processes`, :mod:`engine.archive.cluster`
    Where workers run: processes of this machine, or actors of a Ray cluster.
:mod:`engine.archive.run`
    Hands the files out and collects what became of them.
:mod:`engine.archive.report`
    What became of all of them.
"""
