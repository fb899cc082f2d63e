"""Commands for who writes pipelines and drivers: checked, tried, measured, described."""
