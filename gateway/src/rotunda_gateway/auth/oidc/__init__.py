"""Sign-in with the organisation's own OpenID provider, for people and machines."""
