"""What the ERP tells of accounts: nobody else writes it."""
