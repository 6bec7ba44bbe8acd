"""The audit trail: one record for each prediction and each action, and what is counted from them.

record     the fields of a record
chain      records sealed into a chain that shows what was changed
    file       the file they are appended to by every process, renamed at any time
    trail      written before an answer leaves, or the answer is refused
    reading    a log's files, rotated ones too, and the records in them
    verify     what was done to a log
    projector  usage counted from the log into the store
    question, statistics   what is asked of usage, and what is told
    opening    all of these as the config says
trail      the file they are written to, before an answer leaves
"""
