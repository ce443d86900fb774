"""Events: outbox, relay, inbox, consumers, reference copies."""
