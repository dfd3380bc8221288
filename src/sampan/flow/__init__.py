"""Use cases: plain functions, one transaction each."""
