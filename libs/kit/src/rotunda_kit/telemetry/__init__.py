"""Traces, metrics and logs: OpenTelemetry, Prometheus, JSON lines.

All three hold ids, reasons and counts, never personal data.
"""
