"""What a run found, shown: one self-contained page, figures with axes, the terminal's bars and curve."""
