"""The tests. A folder says what its tests may touch: unit and property nothing, contract a queue or backend, browser Chromium."""
