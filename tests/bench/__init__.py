"""The measures of docs/performance.md: `make bench`. Ratios within one run count; absolute times name their machine."""
