"""What the estimates would be without some of the rows: clusters or rows left out, one at a time."""
