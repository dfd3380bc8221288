"""The Data API: what happened and what is held, asked by people's programs, signed."""
