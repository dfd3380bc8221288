"""Gate: the signed JSON API for merchants' web services."""
