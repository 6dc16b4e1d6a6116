"""Evaluation: an estimator and a data set in, figures with 95 % bootstrap intervals out.

:mod:`.estimators` gives every network and baseline one interface, crop to joints;
:mod:`.datasets` runs estimators on one kind of data each; :mod:`.metrics` defines PCK, MPJPE and
the other measures; :mod:`.statistics` puts an interval on every figure; :mod:`.report` writes the
tables.  :class:`.evaluator.Evaluator` ties them together for
``python -m hmr_live_training.measure``, and :mod:`.development` gives the quick figures that a
training run reports on its way.
"""
