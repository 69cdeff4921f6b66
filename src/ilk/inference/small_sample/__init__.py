"""Degrees of freedom of linear mixed models: Satterthwaite, and Kenward-Roger."""
