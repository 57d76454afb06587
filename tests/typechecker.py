"""The type checker that the import hook in conftest.py applies to every function of photism under test."""

from __future__ import annotations

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
