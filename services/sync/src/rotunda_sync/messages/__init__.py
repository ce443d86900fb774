"""Messages: mails, and what they are about."""
