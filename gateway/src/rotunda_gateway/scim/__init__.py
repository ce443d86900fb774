"""Provisioning of users and groups by SCIM 2.0 (RFC 7643, RFC 7644), as a translation onto the methods of access."""
