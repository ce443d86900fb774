"""What tests of services share: real servers as fixtures."""
