"""Dead letters: events that a consumer could not take in, kept to be looked at, replayed or given up."""
