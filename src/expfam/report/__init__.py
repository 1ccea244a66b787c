"""The answer to read: text, tables, HTML."""
