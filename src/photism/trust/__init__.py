"""Can the data be trusted: leaks, shortcuts, labels, shift, and what more data would bring."""
