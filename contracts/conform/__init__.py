"""Drive any adapter command through the contract and name the clauses that it breaks.

    python -m contracts.conform [--model FILE] [--json] [--timeout S] -- COMMAND…

    command   the command line and its report
    process   one adapter process: start, connect, measure, end
    peer      one connection to it, as a runner has it
    drive     what the checks share: the process, its model, the check that is a function
    mirror    the model of the kit: what it is asked, and what it must answer (conform_models/)
    the checks: dialogues, refusals, framing, attachments, lifecycle, conversation, operations,
    predicting, tables

What cannot be seen from outside is not checked: 2.4 (one thread), 2.5, 2.6 (should), 3.5's "must
not wait", 7.1, 7.3's "should", 8.1. 4.4 is
measured by the memory of the process and its children.
"""
