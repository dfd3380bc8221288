"""Adapters to banks: plug-ins of the entry-point group `sampan.providers`."""
