"""What an answer says: its rows, checked against the contract of the dataset, and what follows them."""
