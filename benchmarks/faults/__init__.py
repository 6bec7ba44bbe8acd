'''Cause faults under load, and say what the server showed: `python -m benchmarks.faults`.

The frame:

outcome     `Outcome` of a scenario, the decorator `scenario`, the register
load        `Load`: many connections that ask, and check each answer
leftovers   what a server has left behind: processes, descriptors, sockets, files
report      the table, as text, Markdown or JSON

Every other module holds the scenarios of one kind of fault, and is found by itself. One scenario:

    """Kill workers under load."""

    @scenario(1, "SIGKILL a worker 50 times under 32 connections", "0 failed, 0 wrong", trials=3)
    def sigkill_worker(folder: Path, trials: int = 50) -> Outcome:
        """``worst_seconds``: from the kill to the first answer of the new worker."""
        project = multiplier(folder / "python")              # answers x * factor of its version
        factors = fit_factors(project, [2.0])                # {1: 2.0}
        with serving(project) as server:
            before = Inventory.settled(server)
            with Load(server.port, "python", factors, connections=32) as load:
                for _ in range(trials):
                    load.wait_for(100)                       # 100 more answers
                    ...
            outcome = Outcome(trials, limit_seconds=5.0, **load.counts()).judge()
            outcome.breaches += before.differences(server)   # nothing left behind
        outcome.breaches += before.remains()                 # once the server has ended
        return outcome

The first number is the row of the table in docs/reliability.md. Arguments have the table's numbers
as defaults; the decorator's further arguments are the small ones of `--quick`. What does not hold
is appended to ``breaches`` in words (`Outcome.check`), never raised, so that one fault leaves the
rest of the scenario to be seen. tests/faults call the same functions:

    def test_sigkill_worker(tmp_path):
        assert [] == sigkill_worker(tmp_path, trials=3).breaches
'''
