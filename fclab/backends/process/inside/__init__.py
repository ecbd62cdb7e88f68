"""What runs inside an instance: the standard library and these modules, nothing else of ours.

They import next to nothing, because every cold start pays for it (`json` costs as much as a whole interpreter), and they use plain
descriptors, because `socket` costs the same again. Annotations are quoted for the same reason. `fclab.backends.process.bundle` puts the
modules into one compiled file, from which an instance's interpreter starts without looking for fclab.
"""
