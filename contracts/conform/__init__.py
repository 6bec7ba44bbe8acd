"""Drive any adapter command through the contract and name the clauses that it breaks.

    python -m contracts.conform [--model FILE] [--json] [--timeout S] -- COMMAND…

    command   the command line and its report
    process   one adapter process: start, connect, measure, end
    peer      one connection to it, as a runner has it
    drive     what the checks share: the process, its model, the check that is a function
    mirror    the model of the kit: what it is asked, and what it must answer (conform_models/)
    the checks: dialogues, refusals, framing, attachments, lifecycle, conversation, operations,
    predicting, tables

4.4 is measured by the memory of the process and its children. What no check sees is in `UNSEEN`.
"""

UNSEEN = {
    "2.4": "which thread calls the model, and whether two calls overlap, is inside the process",
    "2.6": "a SHOULD: who starts the kit would have to die for it",
    "3.5": "an adapter that waits for more requests looks like a model that is slow",
    "5.9": "that nothing is cancelled at an adapter without the capability is the runner's part",
    "6.8": "checked where a fit tells its hash (5.4); that it does is optional",
    "7.1": "whether a sentence is for people is for people to say",
    "7.3": "a SHOULD: how long a traceback is when it is not cut depends on the language",
    "8.1": "the runner's part",
    "8.2": "that a message does without a key only shows where the key is left away",
}
"""Clause -> why it, or what it says beside what is checked, cannot be seen from outside."""
