"""Refits to drawn data: the engine, what is drawn, what is kept, intervals and tests."""
