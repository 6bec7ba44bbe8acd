"""The audit trail: one record for each prediction and each action, and what is counted from them.

record     the fields of a record
chain      records sealed into a chain that shows what was changed
trail      the file they are written to, before an answer leaves
"""
