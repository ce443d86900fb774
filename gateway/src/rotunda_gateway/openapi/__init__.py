"""The OpenAPI document of everything that the gateway offers, and the pages that show it."""
