"""The log service: logs kept in order in the shards of logstores, and jobs that hand what is new in them to functions."""
