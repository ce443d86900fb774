"""What is known of a customer beyond his master data."""
