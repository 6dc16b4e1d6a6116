"""Evaluation of exported networks and of rivals: data sets in, figures with intervals out.

``estimators`` turns a crop into joints (our networks through the engine, BlazePose as published);
``photos``, ``synthetic``, ``people``, ``empty``, ``videos`` and ``moving`` run estimators over one
kind of data each; ``statistics`` puts a 95 % interval on every figure; ``report`` writes tables.
"""
