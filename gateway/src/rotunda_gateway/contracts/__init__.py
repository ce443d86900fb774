"""Methods that several services implement: the gateway asks the one that an id names, or all and merges."""
