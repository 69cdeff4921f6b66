"""One module per peer, and the worker process that runs one of them on one case.

A worker loads its data once, fits something tiny so that lazy imports are done, and then fits on
command. Each module has one function, ``prepare(case, frame)``, that returns the function to be
timed: it makes the model from the formula and the data frame and returns an `Outcome`.
"""
