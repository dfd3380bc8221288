"""Pure translations between bytes and values: no clock, storage, network or framework."""
