"""Who works with the platform: users and teams. Written like a service, hosted in the gateway's process."""
