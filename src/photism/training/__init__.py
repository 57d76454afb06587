"""From cached features to a recognizer's head, and the evidence for it.

The order in which a training calls this floor::

    frozen      ask the frozen network once for every file            -> Features
    probe       which layers, by grouped cross-validation             -> Selection
    classifier  the head: ridge on the chosen layers, its strength    -> Fit (head, held-out logits)
    calibration the temperature, from held-out answers
    head        the same head by mini-batches: the training curve     -> Curve (EpochRow, ...)
    guard       what the curve says                                   -> Verdict
    familiar    what is like anything that was taught                 -> Familiarity
    metrics     what is measured on a held-out part, with intervals   -> metrics.json

``features`` holds the noun they share, ``intervals`` what a 95 % interval is, ``history`` the curve on disk. Everything
is NumPy on the CPU and the same bits for the same seed, BLAS and number of threads. The test part chooses nothing.
"""
