"""The world of real processes: an instance is a process group with a folder, a socket and a pipe."""
