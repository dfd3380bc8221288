"""Benchmarks. Each prints ratios and rates measured in one run on one machine; none asserts."""
