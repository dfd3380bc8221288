"""What the doors that show pages have in common: templates, languages, headers, static files."""
