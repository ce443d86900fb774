"""What the set lacks, made up from a fixed seed: contacts, activities, tickets, campaigns and mails.

Every account has seeds of its own, so that nothing depends on the order in which accounts are worked through. All dates
lie in 2016 and 2017, as the set's own do: loading again, on whatever day, gives the same records.
"""
