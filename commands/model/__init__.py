"""Values that all commands share: operation, plan, report, finding, chart."""
