"""Profile likelihood: parameters held on the user's scale, limits, and curves."""
