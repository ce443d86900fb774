"""Contracts that several services implement: whom to ask, and how their answers become one."""
