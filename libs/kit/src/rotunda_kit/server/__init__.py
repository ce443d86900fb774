"""The gRPC server: methods, and what every call of one passes through."""
