"""The programs that run models: one for each language, tied to `contracts` only.

Each runs in an interpreter of its own, which may be of a foreign virtual environment with nothing
but msgpack, numpy and the bridge to its language.

    protocol    what an adapter is to the loop
    serve       an adapter's command
    loop        turns: read, queue, call the model, answer
    connection  one client's bytes, never waited for
    queue       which requests are alike and go to the model together
    respond     one request -> one reply, whatever the model does
    fitted      what is known of the model that is held; columns brought into the order of its fit
    artifact    the envelope around what a language persists
    arrays      columns and matrices <-> numpy
    process     what the process must be before model code runs in it
    python, r, julia   the adapters
"""
