"""Fields that an administrator adds to a noun while the platform runs."""
