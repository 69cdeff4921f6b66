"""What the estimates would be without some of the rows, left out one at a time or by cluster."""
