"""The event bus: CloudEvents are matched against patterns and go to functions, queues and topics."""
