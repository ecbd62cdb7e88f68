"""The message service: queues whose messages are received and deleted, topics whose messages are pushed."""
