"""Speak HTTP: requests in, predictions and states out, one JSON shape for every failure.

    limits      how much, and how slowly, a client may send
    request     what a request is here, beyond Falcon's: its id, its body as it comes in
    body        a request's body, whole or not at all
    media       bodies of JSON, msgpack and CSV → tables
    results     tables → what stands under `result`
    envelope    the shapes of success and failure
    problems    every exception → status, code and message
    query       query strings that would be read as another text
    predict     /predict, /predict_proba
    states      /alive, /list, /services, /health
    authenticate  who calls, before anything else
    policy      who may do what
    observe     a request id on every answer, a line of log for each
    app         all of it, put together
    protocol    the connection: deadlines and bounds that uvicorn does not have
    worker      gunicorn's worker class
    frontend    the application, from the environment
    server      the listening socket, and gunicorn's command line

No numpy, no pandas, no SQL in a front-end.
"""
