"""Who may do what: rights from roles, which rows they reach, which fields they keep back."""
