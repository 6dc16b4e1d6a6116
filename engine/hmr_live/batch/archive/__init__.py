"""Many videos at once: one after another, in several processes, on several machines, on a cluster.

Every file goes through :func:`.run_offline` into a folder of its own.  The parts:

:mod:`hmr_live.batch.archive.inputs`
    Which files there are and where the results of each go.
:mod:`hmr_live.batch.archive.job_record`
    What tells a finished folder, so that a run that is started again goes on.
:mod:`hmr_live.batch.archive.leases`
    Who works on which file, where several runs share the folder.
:mod:`hmr_live.batch.archive.worker`
    One file, from the video to the finished folder.
:mod:`hmr_live.batch.archive.processes`, :mod:`hmr_live.batch.archive.cluster`
    Where workers run: processes of this machine, or actors of a Ray cluster.
:mod:`hmr_live.batch.archive.run`
    Hands the files out and collects what became of them.
:mod:`hmr_live.batch.archive.archive_report`
    What became of all of them.
"""
