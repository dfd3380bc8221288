"""The surface proves itself: what users meet is documented, and the documents are true."""
