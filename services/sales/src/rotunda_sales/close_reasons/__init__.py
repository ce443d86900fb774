"""Close reasons: why opportunities are closed."""
