"""From the disk to samples and signals: what there is, what it is, which part each file belongs to.

``sources`` (``folders``, ``tables``, ``listing``) turns DATA into samples, ``sniff`` and the decoders turn a file into
a signal, ``split`` and ``duplicates`` keep the parts honest, ``records`` writes them down. Nothing here draws.
"""
