"""The Dashboard: what the people of a merchant see and do."""
