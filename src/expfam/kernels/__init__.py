"""Loops over coded rows: a definition in NumPy (`definition`), a compiled twin (`compiled`), one law between them."""
