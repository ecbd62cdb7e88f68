"""Monitoring: metrics of the lab itself, and alarms on them that call functions."""
