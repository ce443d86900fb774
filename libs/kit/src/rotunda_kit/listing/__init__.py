"""Lists: which fields they can be filtered and ordered by, and pages over them."""
