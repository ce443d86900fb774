"""What all of the gateway's HTTP answers share: problems, traces, request bodies."""
