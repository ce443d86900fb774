"""The live stream: changes told as they happen, by server-sent events, to whoever may see the record."""
