"""Payment Page: the hosted page on which a customer pays by QR."""
