"""Any tabular thing -> Table: one inner form, so that every backend gives the same fit."""
