"""Long checks that are run by hand and leave a record: robustness of the search, coverage."""
