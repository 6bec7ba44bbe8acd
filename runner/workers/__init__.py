"""Own every adapter process: start, warm, route to, replace and end it.

errors       what a caller may meet
interpreter  which command runs an adapter of a language here
process      one adapter process: its pipes, its output, its end
client       one connection to one adapter
private      an adapter for one fit or test, gone afterwards
replica      one adapter process of a served version, kept alive
deployment   the replicas of a service: which version serves, blue/green
spares       started adapters in reserve, of languages that start slowly
presence     what this server serves, told to the store
routing      what front-ends must know, as messages
acknowledged whether all servers answer with an activation
jobs         fits that were asked for over HTTP
cycles       fits at the moments that a config names
actions      what callers may do to models
control      the socket between supervisor and front-ends
plan         what a server is to run
frontends    gunicorn, kept running and replaced
supervisor   all services, gunicorn, signals
services     the front-end's side of all this
"""
