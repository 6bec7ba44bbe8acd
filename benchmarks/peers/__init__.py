"""Ours beside what people would pick instead, in one run on one machine.

__main__       the command line, and the order of things
catalogue      all of them, in order
environments   a virtual environment a peer, in a folder that is kept
peer           what a peer is: how it is set up, started, asked, and what its answers say
ours … plumber  one peer a file
issuer         the access token that ours is asked with
launch         a started server: ready after, memory of its processes, stopped
verify         answers looked at before anything is loaded
rounds         each started in turn, in rounds: loads, large requests, memory
results        what a run has seen, to and from JSON
goals          what was aimed at, and whether it was met
report         tables for people, Markdown for the docs, JSON
plot           the bars for the docs
apps/          what runs in the peers' own environments
"""
