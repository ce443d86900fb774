"""The audit trail: who did what to which record, when, before and after, by whom on behalf of whom."""
