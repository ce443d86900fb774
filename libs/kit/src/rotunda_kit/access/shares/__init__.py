"""Single records that are shown to someone who would not see them by his roles alone."""
