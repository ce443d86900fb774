"""REST from protos: JSON over HTTP to gRPC and back, by the `google.api.http` annotation of each method."""
