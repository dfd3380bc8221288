"""What Sampan knows about payments: pure, without clock, storage, network or framework."""
