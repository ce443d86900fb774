"""Who works with the platform, and may do what. Written like a service, hosted in the gateway's process."""
