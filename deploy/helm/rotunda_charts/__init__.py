"""What is written about the charts from Python: schemas, golden files, keys for an installation."""
