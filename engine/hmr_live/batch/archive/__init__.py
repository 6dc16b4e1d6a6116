"""Process many videos: in sequence, in several processes, on several machines, or on a cluster.

Every file goes through :func:`.run_offline` into a folder of its own.  The parts:

:mod:`hmr_live.batch.archive.inputs`
    Finds the files and where the results of each go.
:mod:`hmr_live.batch.archive.job_record`
    Marks a finished folder, so that a run started again continues.
:mod:`hmr_live.batch.archive.leases`
    Who works on which file, when several runs share the folder.
:mod:`hmr_live.batch.archive.worker`
    Processes one file, from the video to the finished folder.
:mod:`hmr_live.batch.archive.processes`, :mod:`hmr_live.batch.archive.cluster`
    Where workers run: processes of this machine, or actors of a Ray cluster.
:mod:`hmr_live.batch.archive.run`
    Distributes the files and collects the outcomes.
:mod:`hmr_live.batch.archive.archive_report`
    Progress and report.
"""
