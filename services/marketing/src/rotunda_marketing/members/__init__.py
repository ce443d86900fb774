"""Campaign members: whom a campaign is for, and how they took it."""
