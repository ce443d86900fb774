"""The 360 degree view of an account, assembled from every service."""
