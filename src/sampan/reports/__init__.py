"""Reports: columns, rows as text, and files that are never half-written."""
