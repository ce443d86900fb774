"""Who calls: sign-in by password, and from the caller's token to the internal one."""
