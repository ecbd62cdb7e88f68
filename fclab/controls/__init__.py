"""What a notebook steers the lab with: arrivals to come, faults to strike, the clock to turn, tasks to hold."""
