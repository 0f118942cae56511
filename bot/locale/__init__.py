"""Languages: the catalogues, and how numbers, times and lists are written in each."""
