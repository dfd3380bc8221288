"""The demo merchant: a small shop that sells by the public protocol and nothing else."""
