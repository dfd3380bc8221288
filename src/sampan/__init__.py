"""Sampan: a self-hosted payment platform for Hong Kong FPS QR."""

__version__ = "0.1.0"
