"""The world of virtual time: modelled durations, and the learner's real code suspended while lab time passes."""
