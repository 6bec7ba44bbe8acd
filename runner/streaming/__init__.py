"""Answer lines of rows with lines of predictions: the protocol of Palladium's pld-stream.

stream    input -> batches -> answers -> output, in order
lines     bytes -> lines, bounded
pipes     the two ends: wait, read and write, and stop doing so at once
answers   a batch of lines -> its answers: joined to one call of the model, apart where that fails
pace      how many lines a batch may have
crew      the workers of one version, replaced when they end
records   what a batch leaves in the audit log
"""

from runner.streaming.stream import stream

__all__ = ["stream"]
