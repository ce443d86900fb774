"""The API as generated Python lives in the package `rotunda`; this one holds its descriptors, with comments."""
