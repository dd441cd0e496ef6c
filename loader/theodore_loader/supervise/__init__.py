"""What the host does to keep a worker in hand: start, watch, limit, record, end."""
