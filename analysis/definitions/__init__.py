"""Job definitions of users: submitted, tried, accepted."""
